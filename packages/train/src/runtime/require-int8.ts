// Refuses products in eight bits on devices that have none.

import type { Graph } from '@cola/graph'
import { DeviceError } from '../errors.ts'
import { deviceNames, deviceRow, type ResolvedDevice } from './devices.ts'

/** @throws {DeviceError} for products in eight bits on this device, which has none. */
export function requireInt8({ name, nodes }: Graph, device: ResolvedDevice): void {
  if (!nodes.some(({ opType }) => opType === 'DynamicQuantizeMatMul')) return
  throw new DeviceError({
    where: `device "${device}"`,
    what: `it has no products in eight bits, which "${name}" asks for`,
    expected: deviceNames.filter((other) => deviceRow(other).int8).join(' or '),
    fix: "Choose that device, or generateArtifacts with frozenProducts: 'float32'.",
  })
}
