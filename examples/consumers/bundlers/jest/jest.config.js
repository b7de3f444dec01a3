export default {
  testEnvironment: './environment.js',
  testEnvironmentOptions: { customExportConditions: ['node', 'node-addons'] },
  transform: {},
}
