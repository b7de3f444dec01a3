// Passes for WebGPU, which are loaded with the first session there.

import { deviceIntegers, fewerKernels, type Pass } from '@cola/graph'

export const webgpuPasses: readonly Pass[] = [fewerKernels, deviceIntegers]
