// CommonJS: Node 20.19 and later require ECMAScript modules.

const { kdLoss } = require('@cola/distill/loss')
const { program } = require('../program.js')

const { loss } = kdLoss([0.2, 0.9], [1, 0], [1])
if (!(loss > 0)) throw new Error('no loss')
program(process.env.MODEL, 'cpu').then((answer) => console.log(JSON.stringify(answer)))
