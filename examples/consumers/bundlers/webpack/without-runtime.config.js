import webpack from 'webpack'

export default { plugins: [new webpack.IgnorePlugin({ resourceRegExp: /^onnxruntime-web\// })] }
