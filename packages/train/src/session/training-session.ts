// The low-level session: one method per artifact, named as in the API that ONNX Runtime removed from JavaScript in 1.20.

import { elementCount, evaluateDim, type Graph, type Tensor, getValue } from '@cola/graph'
import { random } from '@cola/data'
import { concatenated, cutTensors } from '../artifacts/blocks.ts'
import { gradientBuffer, gradientOutput, type TrainingArtifacts } from '../artifacts/generate.ts'
import { CheckpointError, FeedError, NonFiniteLossError } from '../errors.ts'
import { fileSystem, hasFiles, temporaryFolder } from '../files/node.ts'
import { type Device, devices, openSession, resolveDevice, type RunnableModel, writeModels } from '../runtime/device.ts'
import { type OrtSession, OrtTensor, type OrtTensors } from '../runtime/ort.ts'
import { probeGraph } from '../runtime/refusal.ts'
import { type Batch, feedsOf } from './feeds.ts'
import { blockTensors, dispose, download, downloadGraph, hostTensors, joinAll, stateName, zeroTensors } from './state.ts'

export interface TrainingSessionOptions {
  artifacts: TrainingArtifacts
  /** @default 'auto' */
  device?: Device
  /** Folder for the ONNX files and the frozen weights they share; a temporary one, removed on release, by default. */
  folder?: string
  /** Seed of the dropout masks. @default 0 */
  seed?: number
}

export interface StepResult {
  /** Mean loss of the batch. */
  loss: number
  /** The model's outputs, on the host. */
  outputs: Record<string, { data: Float32Array; dims: readonly number[] }>
}

/** All that a run needs to go on as if it had not stopped: float32 tensors by name, and the optimizer's step. */
export interface SessionState {
  tensors: Map<string, Tensor>
  step: number
}

/** What the Trainer asks of a session: a {@link TrainingSession} in this thread, or one in a worker. */
export type TrainableSession = Pick<
  TrainingSession,
  | 'runTrainStep'
  | 'runEvalStep'
  | 'runOptimizerStep'
  | 'lazyResetGrad'
  | 'seekDropout'
  | 'getParametersSize'
  | 'getParameters'
  | 'setParameters'
  | 'getState'
  | 'setState'
  | 'release'
>

/**
 * Trains a model's trainables on a device by running its artifacts.
 * One call at a time: the runtime serializes runs in a process.
 */
export class TrainingSession {
  readonly device: Exclude<Device, 'auto'>
  readonly #artifacts: TrainingArtifacts
  readonly #training: OrtSession
  readonly #evaluation: OrtSession
  readonly #optimizer: OrtSession
  readonly #download: OrtSession | undefined
  readonly #cleanUp: () => void
  readonly #seed: number
  #parameters: OrtTensors
  #buffers: OrtTensors
  #state: OrtTensors
  #reset = true
  #accumulated = 0
  #trainSteps = 0
  #step = 0

  private constructor(device: Exclude<Device, 'auto'>, artifacts: TrainingArtifacts, sessions: readonly OrtSession[], seed: number, cleanUp: () => void) {
    this.device = device
    this.#artifacts = artifacts
    ;[this.#training, this.#evaluation, this.#optimizer, this.#download] = sessions as [OrtSession, OrtSession, OrtSession, OrtSession | undefined]
    this.#seed = seed
    this.#cleanUp = cleanUp
    this.#parameters = hostTensors(joinAll(artifacts.blocks, artifacts.parameters))
    this.#buffers = zeroTensors(artifacts.blocks, gradientBuffer)
    this.#state = Object.assign({}, ...artifacts.stateSlots.map((slot) => zeroTensors(artifacts.blocks, (name) => stateName(name, slot))))
  }

  /**
   * Opens a session for each artifact.
   * @throws {DeviceError} when the device is not there.
   * @throws {FileError} when the folder cannot be written.
   */
  static async create({ artifacts, device = 'auto', folder, seed = 0 }: TrainingSessionOptions): Promise<TrainingSession> {
    const resolved = await resolveDevice(device, probeGraph())
    const { trainingModel, evalModel, optimizerModel } = artifacts
    const graphs = { training_model: trainingModel, eval_model: evalModel, optimizer_model: optimizerModel }
    const temporary = hasFiles() && folder === undefined ? temporaryFolder() : undefined
    const cleanUp = () => {
      if (temporary) fileSystem().rmSync(temporary, { recursive: true, force: true })
    }
    const place = folder ?? temporary
    try {
      const files: Partial<Record<keyof typeof graphs, string>> = place === undefined ? {} : writeModels(place, graphs)
      const open = (graph: Graph, path: string | undefined, options: Partial<RunnableModel> = {}) =>
        openSession({ graph, ...(path === undefined ? {} : { path }), ...options }, resolved)
      const accumulated = trainingModel.outputs.filter((name) => name.endsWith('_grad.accumulation.out'))
      const sessions = [
        await open(trainingModel, files.training_model, { resident: accumulated, packWeights: true }),
        await open(evalModel, files.eval_model),
        await open(optimizerModel, files.optimizer_model, { resident: optimizerModel.outputs, spin: false }),
        ...(devices[resolved].resident ? [await open(downloadGraph(blockTensors(artifacts)), undefined)] : []),
      ]
      return new TrainingSession(resolved, artifacts, sessions, seed, cleanUp)
    } catch (error) {
      cleanUp()
      throw error
    }
  }

  /** Names of the trainable parameters. */
  get parameterNames(): string[] {
    return [...this.#artifacts.parameters.keys()]
  }

  /** Optimizer steps taken. */
  get step(): number {
    return this.#step
  }

  /**
   * Forward and backward on one batch; gradients are added to those since the last {@link lazyResetGrad}.
   * @throws {FeedError} for a bad batch, {NonFiniteLossError} when the loss is not finite (nothing was changed).
   */
  async runTrainStep(batch: Batch): Promise<StepResult> {
    const graph = this.#artifacts.trainingModel
    const fed = new Set([
      ...Object.keys(this.#parameters),
      ...Object.keys(this.#buffers),
      'lazy_reset_grad',
      ...this.#artifacts.dropoutMasks.map(({ input }) => input),
    ])
    const { feeds, symbols } = feedsOf(
      graph,
      graph.inputs.filter((name) => !fed.has(name)),
      batch,
    )
    const reset = new OrtTensor('bool', Uint8Array.of(this.#reset ? 1 : 0), [1])
    const results = await this.#training.run({ ...feeds, ...this.#parameters, ...this.#buffers, lazy_reset_grad: reset, ...this.#masks(symbols) })
    const step = resultOf(
      results,
      graph.outputs.filter((name) => !name.endsWith('_grad.accumulation.out')),
    )
    if (!Number.isFinite(step.loss))
      throw new NonFiniteLossError({
        where: `training step ${this.#trainSteps + 1}`,
        what: 'the loss is not a finite number',
        found: String(step.loss),
        fix: 'Lower the learning rate, clip the gradients, or look for bad values in the weights or the data.',
      })
    for (const name of Object.keys(this.#parameters)) {
      dispose(this.#buffers[gradientBuffer(name)])
      this.#buffers[gradientBuffer(name)] = results[gradientOutput(name)] as OrtTensor
    }
    this.#reset = false
    this.#accumulated++
    this.#trainSteps++
    return step
  }

  /** Loss and outputs of one batch, without dropout and without changing anything. @throws {FeedError} for a bad batch. */
  async runEvalStep(batch: Batch): Promise<StepResult> {
    const graph = this.#artifacts.evalModel
    const { feeds } = feedsOf(
      graph,
      graph.inputs.filter((name) => !(name in this.#parameters)),
      batch,
    )
    const parameters = Object.fromEntries(graph.inputs.filter((name) => name in this.#parameters).map((name) => [name, this.#parameters[name] as OrtTensor]))
    return resultOf(await this.#evaluation.run({ ...feeds, ...parameters }), graph.outputs)
  }

  /** One optimizer step with the mean of the accumulated gradients. @throws {FeedError} when there are none. */
  async runOptimizerStep({ learningRate }: { learningRate: number }): Promise<void> {
    if (this.#accumulated === 0) throw new FeedError({ where: 'runOptimizerStep', what: 'there are no gradients', fix: 'Call runTrainStep first.' })
    const scalar = (value: number) => new OrtTensor('float32', Float32Array.of(value), [])
    const gradients = Object.fromEntries(Object.keys(this.#parameters).map((name) => [`${name}_grad`, this.#buffers[gradientBuffer(name)] as OrtTensor]))
    const scalars = { learning_rate: scalar(learningRate), step: scalar(this.#step + 1), gradient_scale: scalar(1 / this.#accumulated) }
    const feeds: OrtTensors = { ...scalars, ...this.#parameters, ...gradients, ...this.#state }
    const used = new Set(this.#optimizer.inputNames)
    const results = await this.#optimizer.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => used.has(name))))
    const renew = (tensors: OrtTensors) => {
      for (const name of Object.keys(tensors)) {
        dispose(tensors[name])
        tensors[name] = results[`${name}.out`] as OrtTensor
      }
    }
    renew(this.#parameters)
    renew(this.#state)
    this.#step++
  }

  /** Makes the next training step start a new sum of gradients. */
  lazyResetGrad(): void {
    this.#reset = true
    this.#accumulated = 0
  }

  /** Number of trainable elements. */
  getParametersSize(): number {
    return [...this.#artifacts.parameters.values()].reduce((sum, { dims }) => sum + elementCount(dims), 0)
  }

  /** Copies of the trainable parameters by name. */
  async getParameters(): Promise<Map<string, Tensor>> {
    return this.#cut(await this.#fetch({ ...this.#parameters, ...this.#state }))
  }

  /** Gradients accumulated since the last reset, by parameter; for tests and inspection. */
  async getGradients(): Promise<Map<string, Tensor>> {
    // Under the parameters' names, because those are the inputs that the download model has.
    const gradients = Object.fromEntries(Object.keys(this.#parameters).map((name) => [name, this.#buffers[gradientBuffer(name)] as OrtTensor]))
    return this.#cut(await this.#fetch({ ...this.#state, ...gradients }))
  }

  /** All trainables one after another, in the order of {@link parameterNames}. */
  async getContiguousParameters(): Promise<Float32Array> {
    return concatenated([...(await this.getParameters()).values()])
  }

  /** Sets all trainables from a buffer as {@link getContiguousParameters} gives it. @throws {FeedError} when its size is wrong. */
  loadParametersBuffer(buffer: Float32Array): void {
    if (buffer.length !== this.getParametersSize())
      throw new FeedError({
        where: 'loadParametersBuffer',
        what: 'wrong number of elements',
        expected: String(this.getParametersSize()),
        found: String(buffer.length),
      })
    const { blocks, parameters } = this.#artifacts
    const parts = [...parameters].map(([name, { dims }]) => ({ name, dims }))
    this.#renew(this.#parameters, joinAll(blocks, new Map(cutTensors(parts, buffer))))
  }

  /** Sets trainables by name. Call it between steps. @throws {CheckpointError} for a name or shape that the model does not have. */
  async setParameters(tensors: ReadonlyMap<string, Tensor>): Promise<void> {
    checkTensors(this.#artifacts.parameters, tensors)
    const all = tensors.size === this.#artifacts.parameters.size ? tensors : new Map([...(await this.getParameters()), ...tensors])
    this.#renew(this.#parameters, joinAll(this.#artifacts.blocks, all))
  }

  /** A copy of parameters and optimizer state. Call it between optimizer steps. */
  async getState(): Promise<SessionState> {
    const all = await this.#fetch({ ...this.#parameters, ...this.#state })
    const state = this.#artifacts.stateSlots.flatMap((slot) => [...this.#cut(all, slot)].map(([name, value]) => [stateName(name, slot), value] as const))
    return { tensors: new Map([...this.#cut(all), ...state]), step: this.#step }
  }

  /** Goes back to a state. @throws {CheckpointError} when it belongs to another model or optimizer. */
  setState({ tensors, step }: SessionState): void {
    const { blocks, parameters, stateSlots } = this.#artifacts
    const state = stateSlots.flatMap((slot) => [...parameters].map(([name, data]) => [stateName(name, slot), data] as const))
    const expected = new Map([...parameters, ...state])
    checkTensors(expected, tensors)
    for (const name of expected.keys())
      if (!tensors.has(name))
        throw new CheckpointError({
          where: `tensor "${name}"`,
          what: 'missing from the checkpoint',
          fix: 'It was made with another optimizer or configuration.',
        })
    this.#renew(this.#parameters, joinAll(blocks, tensors))
    for (const slot of stateSlots) this.#renew(this.#state, joinAll(blocks, tensors, slot))
    this.#step = step
    this.#trainSteps = step
    this.lazyResetGrad()
  }

  /** Sets the position of the dropout generator, which a resumed run has to restore. */
  seekDropout(trainSteps: number): void {
    this.#trainSteps = trainSteps
  }

  /** Frees the sessions and the temporary files. */
  async release(): Promise<void> {
    for (const session of [this.#training, this.#evaluation, this.#optimizer, this.#download]) await session?.release()
    this.#cleanUp()
  }

  /** Masks of this training step: drawn from (seed, step, input), so that any step can be drawn again. */
  #masks(symbols: ReadonlyMap<string, number>): OrtTensors {
    return Object.fromEntries(
      this.#artifacts.dropoutMasks.map(({ input, p }, i) => {
        const dims = getValue(this.#artifacts.trainingModel, input).shape.map((dim) => evaluateDim(dim, symbols) as number)
        return [input, new OrtTensor('uint8', random(this.#seed, 'dropout', this.#trainSteps, i).mask(elementCount(dims), 1 - p), dims)]
      }),
    )
  }

  async #fetch(tensors: OrtTensors): Promise<OrtTensors> {
    return this.#download ? download(this.#download, tensors) : tensors
  }

  /** Puts tensors from the host in place of those of their names. */
  #renew(tensors: OrtTensors, values: ReadonlyMap<string, Tensor>): void {
    for (const [name, value] of Object.entries(hostTensors(values))) {
      dispose(tensors[name])
      tensors[name] = value
    }
  }

  /** Parameters, or their state of a slot, from tensors of blocks on the host. */
  #cut(tensors: OrtTensors, slot?: string): Map<string, Tensor> {
    const { blocks, parameters } = this.#artifacts
    const cut = new Map(blocks.flatMap((block) => cutTensors(block.parts, (tensors[stateName(block.name, slot)] as OrtTensor).data as Float32Array)))
    return new Map([...parameters.keys()].map((name) => [name, cut.get(name) as Tensor]))
  }
}

function checkTensors(expected: ReadonlyMap<string, Tensor>, found: ReadonlyMap<string, Tensor>): void {
  for (const [name, { dims }] of found) {
    const own = expected.get(name)
    if (own?.dims.join() !== dims.join())
      throw new CheckpointError({
        where: `tensor "${name}"`,
        what: own ? 'its shape does not fit the model' : 'the model has no such parameter',
        ...(own ? { expected: `[${own.dims}]` } : {}),
        found: `[${dims}]`,
      })
  }
}

function resultOf(results: OrtTensors, names: readonly string[]): StepResult {
  const [loss, ...outputs] = names as [string, ...string[]]
  return {
    loss: ((results[loss] as OrtTensor).data as Float32Array)[0] as number,
    outputs: Object.fromEntries(
      outputs.map((name) => [name, { data: (results[name] as OrtTensor).data as Float32Array, dims: (results[name] as OrtTensor).dims }]),
    ),
  }
}
