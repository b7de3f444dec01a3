// The low-level training session: one method per artifact, with the names of the training API that ONNX Runtime removed
// from JavaScript in 1.20.

import { elementCount, float32, type Tensor, toFloat32 } from '@cola/graph'
import { atLeast, checkOptions, checkValue, whole } from '@cola/graph/options'
import { concatenate, splitTensors } from '../artifacts/blocks.ts'
import { artifactsFingerprint } from '../artifacts/fingerprints.ts'
import type { LossTerm } from '../artifacts/loss-terms.ts'
import { batchInputs, gradientOutput, termOutput, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { FeedError } from '../errors.ts'
import { lossOf } from '../runtime/device-loss.ts'
import { deviceRow, type ResolvedDevice } from '../runtime/devices.ts'
import { once } from '../runtime/once.ts'
import type { OrtTensor, OrtTensors } from '../runtime/ort.ts'
import { probeGraph } from '../runtime/probe-graph.ts'
import { resolveDevice } from '../runtime/resolve-device.ts'
import { accumulate, type Accumulation, gradientScale, noAccumulation } from './accumulation.ts'
import { Calls } from './calls.ts'
import { checkState, checkTensors, tensorMap } from './check-tensors.ts'
import { type Batch, feedsOf } from './feeds.ts'
import { lossCounts } from './loss-counts.ts'
import type { Pair } from './one-at-a-time.ts'
import { openSessions, type Sessions } from './open-sessions.ts'
import { stepNumbers } from './optimizer-step.ts'
import { SessionTensors } from './session-tensors.ts'
import { dispose, stateName } from './state-tensors.ts'
import { type StepResult, stepResultOf } from './step-result.ts'
import { accumulationInputs, maskInputs } from './training-inputs.ts'
import {
  madeArtifacts,
  sessionChecks,
  type SessionState,
  stepChecks,
  type TrainingSessionOptions,
  type TrainStepOptions,
} from './training-options.ts'

/** The methods that the Trainer uses, of a {@link TrainingSession} in this thread or in a worker. */
export type TrainableSession = Pick<
  TrainingSession,
  | 'lossTerms'
  | 'runTrainStep'
  | 'runEvalStep'
  | 'runOptimizerStep'
  | 'lazyResetGrad'
  | 'seekDropout'
  | 'getParametersSize'
  | 'getFingerprint'
  | 'getParameters'
  | 'setParameters'
  | 'getState'
  | 'setState'
  | 'reopen'
  | 'release'
>

/**
 * Trains a model's trainables on a device by running its artifacts.
 * One call that changes its state at a time: a second one throws a SessionError, as does every call after the release.
 * Calls that read the state wait for one that changes it, and give what it was when they began.
 */
export class TrainingSession {
  #device: ResolvedDevice
  readonly #options: TrainingSessionOptions
  readonly #artifacts: TrainingArtifacts
  #sessions: Sessions
  readonly #calls = new Calls('training session')
  #tensors: SessionTensors
  #reset = true
  #accumulation: Accumulation = noAccumulation
  #trainSteps = 0
  #step = 0

  private constructor(options: TrainingSessionOptions, device: ResolvedDevice, sessions: Sessions) {
    this.#options = options
    this.#device = device
    this.#artifacts = options.artifacts
    this.#sessions = sessions
    this.#tensors = new SessionTensors(this.#artifacts, this.#calls)
  }

  /**
   * Opens a session for each artifact.
   * @throws {ConfigError} for an option that is unknown or not what it should be.
   * @throws {DeviceError} when the device is not available.
   * @throws {FileError} when the folder cannot be written.
   */
  static async create(options: TrainingSessionOptions): Promise<TrainingSession> {
    checkOptions('TrainingSession', options, sessionChecks)
    checkValue('TrainingSession, option artifacts', options.artifacts, madeArtifacts)
    const device = await TrainingSession.#deviceFor(options)
    return new TrainingSession(options, device, await openSessions(options.artifacts, device, options))
  }

  /** The device that runs the artifacts, which has passed the self-test if it has one. */
  static async #deviceFor({ device = 'auto', onWarning }: TrainingSessionOptions): Promise<ResolvedDevice> {
    const resolved = await resolveDevice(device, probeGraph(), onWarning)
    if (deviceRow(resolved).selfTest)
      await once(TrainingSession.#tested, resolved, () => TrainingSession.#test(resolved))
    return resolved
  }

  /** The self-test of each device that has passed it in this process. */
  static readonly #tested = new Map<ResolvedDevice, Promise<void>>()

  /** Runs the self-test on a device. @throws {DeviceError} when it computes wrongly. */
  static async #test(device: ResolvedDevice): Promise<void> {
    const { checkSelfTest, selfTest } = await import('./self-test.ts')
    const { artifacts, batch } = selfTest()
    const session = new TrainingSession({ artifacts }, device, await openSessions(artifacts, device))
    try {
      const { loss } = await session.runTrainStep(batch)
      const gradients = [...(await session.getGradients()).values()]
      checkSelfTest(device, loss, Array.from(concatenate(gradients)))
    } finally {
      await session.release()
    }
  }

  /** The device that runs the artifacts: after {@link reopen} it may be another, where the option is `auto`. */
  get device(): ResolvedDevice {
    return this.#device
  }

  /** What each term of the training loss is a mean over, for {@link lossCounts}. */
  get lossTerms(): readonly LossTerm[] {
    return this.#artifacts.lossTerms
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
   * Forward and backward on one batch; gradients are added to those since the last {@link lazyResetGrad}. The optimizer
   * step uses the gradient of the mean over all rows (or labels) of these batches, as one large batch would.
   * @throws {FeedError} for a batch that does not fit the model, or a label that is not a class; {NonFiniteLossError}
   * when the loss is not finite (the state does not change); {ConfigError} for an option that is unknown.
   */
  async runTrainStep(batch: Batch, options: TrainStepOptions = {}): Promise<StepResult> {
    return this.#calls.change('runTrainStep', async () => {
      checkOptions('runTrainStep', options, stepChecks)
      const { window, outputs = true } = options
      const { trainingModel: graph, lossTerms, blocks } = this.#artifacts
      const { feeds, symbols } = feedsOf(graph, batchInputs(this.#artifacts), batch)
      const counts = lossCounts(lossTerms, batch)
      const { shares, after } = accumulate(this.#accumulation, counts, window)
      const gradients = blocks.map(({ name }) => gradientOutput(name))
      const own = graph.outputs.filter((name) => !gradients.includes(name))
      const read = outputs ? own : own.filter((name, i) => i === 0 || name.startsWith(termOutput('')))
      const inputs = {
        ...feeds,
        ...this.#tensors.parameters,
        ...this.#tensors.buffers,
        ...accumulationInputs(shares, this.#reset),
        ...maskInputs(this.#artifacts, symbols, this.#options.seed ?? 0, this.#trainSteps),
      }
      const results = await this.#run('training', inputs, [...read, ...gradients])
      const step = stepResultOf(results, read, counts)
      if (!Number.isFinite(step.loss)) {
        for (const name of gradients) dispose(results[name])
        const { notFinite } = await import('./not-finite.ts')
        throw notFinite(step.loss, this.#trainSteps + 1, graph)
      }
      this.#tensors.setGradients(results)
      this.#reset = false
      this.#accumulation = after
      this.#trainSteps++
      return step
    })
  }

  /**
   * Loss and outputs of one batch, without dropout; the state does not change.
   * @throws {FeedError} for a batch that does not fit the model, or a label that is not a class.
   */
  async runEvalStep(batch: Batch): Promise<StepResult> {
    return this.#calls.read('runEvalStep', async () => {
      const { evalModel: graph, evalLossTerms } = this.#artifacts
      const held = this.#tensors.parameters
      const [own, others] = [
        graph.inputs.filter((name) => name in held),
        graph.inputs.filter((name) => !(name in held)),
      ]
      const { feeds } = feedsOf(graph, others, batch)
      const parameters = Object.fromEntries(own.map((name) => [name, held[name] as OrtTensor]))
      const counts = lossCounts(evalLossTerms, batch)
      return stepResultOf(await this.#run('evaluation', { ...feeds, ...parameters }), graph.outputs, counts)
    })
  }

  /**
   * One optimizer step with the gradient of the mean over all batches since the last {@link lazyResetGrad}.
   * @throws {FeedError} when there are no gradients, {ConfigError} for a learning rate that is not a number of at least
   * 0.
   */
  async runOptimizerStep(options: { learningRate: number }): Promise<void> {
    return this.#calls.change('runOptimizerStep', async () => {
      checkOptions('runOptimizerStep', options, { learningRate: atLeast(0) })
      const { learningRate } = options
      checkValue('runOptimizerStep, learningRate', learningRate, atLeast(0))
      if (this.#accumulation.batches === 0)
        throw new FeedError({
          where: 'runOptimizerStep',
          what: 'there are no gradients',
          fix: 'Call runTrainStep first.',
        })
      const numbers = stepNumbers(this.#artifacts, {
        learningRate,
        step: this.#step + 1,
        gradientScale: gradientScale(this.#accumulation),
      })
      // A step may write into the arrays that an evaluation reads.
      await this.#calls.reads()
      const { parameters, state, gradients } = this.#tensors
      const inputs = Object.fromEntries(Object.entries(gradients).map(([name, sum]) => [`${name}_grad`, sum]))
      await this.#sessions.optimizer.run([parameters, state], inputs, numbers)
      this.#step++
    })
  }

  /** Lets the next training step start a new sum of gradients. */
  lazyResetGrad(): void {
    this.#calls.requireIdle('lazyResetGrad')
    this.#reset = true
    this.#accumulation = noAccumulation
  }

  /** SHA-256 of the artifacts: graphs, initial values of the parameters, and samples of the frozen weights. */
  async getFingerprint(): Promise<string> {
    return artifactsFingerprint(this.#artifacts)
  }

  /** Number of trainable elements. */
  getParametersSize(): number {
    return [...this.#artifacts.parameters.values()].reduce((sum, { dims }) => sum + elementCount(dims), 0)
  }

  /** Copies of the trainable parameters by name. */
  async getParameters(): Promise<Map<string, Tensor>> {
    return this.#calls.read('getParameters', () => this.#fetchParameters())
  }

  /** Gradients of the mean over all batches since the last reset, by parameter; for tests and inspection. */
  async getGradients(): Promise<Map<string, Tensor>> {
    return this.#calls.read('getGradients', async () => {
      // Under the parameters' names, because the download graph has inputs with these names.
      const { state, gradients } = this.#tensors
      const sums = await this.#onHost({ ...state, ...gradients }, (all) => this.#tensors.split(all))
      const factor = gradientScale(this.#accumulation)
      return factor === 1
        ? sums
        : new Map(
            [...sums].map(([name, sum]) => [
              name,
              float32(
                sum.dims,
                toFloat32(sum).map((value) => factor * value),
              ),
            ]),
          )
    })
  }

  /** All trainable parameters, one after another, in the order of {@link parameterNames}. */
  async getContiguousParameters(): Promise<Float32Array> {
    return concatenate([...(await this.getParameters()).values()])
  }

  /**
   * Sets all trainable parameters from a buffer in the form of {@link getContiguousParameters}.
   * @throws {FeedError} when its size is wrong.
   */
  loadParametersBuffer(buffer: Float32Array): void {
    this.#calls.requireIdle('loadParametersBuffer')
    if (buffer.length !== this.getParametersSize())
      throw new FeedError({
        where: 'loadParametersBuffer',
        what: 'wrong number of elements',
        expected: String(this.getParametersSize()),
        found: String(buffer.length),
      })
    const parts = [...this.#artifacts.parameters].map(([name, { dims }]) => ({ name, dims }))
    this.#tensors.setParameters(new Map(splitTensors(parts, buffer)))
  }

  /**
   * Sets trainable parameters by name; the others keep their values. Call it between steps.
   * @throws {CheckpointError} for a name or shape that the model does not have.
   */
  async setParameters(tensors: ReadonlyMap<string, Tensor>): Promise<void> {
    return this.#calls.change('setParameters', async () => {
      checkValue('setParameters, tensors', tensors, tensorMap)
      checkTensors(this.#artifacts.parameters, tensors)
      const isAll = tensors.size === this.#artifacts.parameters.size
      this.#tensors.setParameters(isAll ? tensors : new Map([...(await this.#fetchParameters()), ...tensors]))
    })
  }

  /** A copy of parameters and optimizer state. Call it between optimizer steps. */
  async getState(): Promise<SessionState> {
    return this.#calls.read('getState', async () => {
      const { parameters, state } = this.#tensors
      const tensors = await this.#onHost({ ...parameters, ...state }, (all) => {
        const slots = this.#artifacts.stateSlots.flatMap((slot) =>
          [...this.#tensors.split(all, slot)].map(([name, value]) => [stateName(name, slot), value] as const),
        )
        return new Map([...this.#tensors.split(all), ...slots])
      })
      return { tensors, step: this.#step }
    })
  }

  /**
   * Restores a state of {@link getState}.
   * @throws {CheckpointError} when it belongs to another model or optimizer, or holds NaN or Infinity.
   */
  setState(saved: SessionState): void {
    this.#calls.requireIdle('setState')
    checkOptions('setState', saved, { tensors: tensorMap, step: whole(0) })
    const { tensors, step } = saved
    checkValue('setState, step', step, whole(0))
    checkValue('setState, tensors', tensors, tensorMap)
    checkState('setState', this.#artifacts, tensors)
    this.#tensors.setParameters(tensors)
    this.#tensors.setState(tensors)
    this.#step = step
    this.#trainSteps = step
    this.lazyResetGrad()
  }

  /** Sets the position of the dropout generator, which a resumed run has to restore. */
  seekDropout(trainSteps: number): void {
    this.#calls.requireIdle('seekDropout')
    checkValue('seekDropout', trainSteps, whole(0))
    this.#trainSteps = trainSteps
  }

  /**
   * Opens the artifacts again after the loss of the device, with their initial values: {@link setState} follows. Where
   * the option device is `auto` and the device does not come back, the next one that works runs them.
   * @throws {DeviceError} when the device is not available any more.
   */
  async reopen(): Promise<void> {
    return this.#calls.change('reopen', async () => {
      // What a lost device still holds is gone, and its sessions may refuse to be released.
      await this.#sessions.release().catch(() => undefined)
      const { device: lost } = this
      this.#device = await TrainingSession.#deviceFor(this.#options)
      this.#sessions = await openSessions(this.#artifacts, this.device, { onWarning: this.#options.onWarning })
      if (this.device !== lost)
        this.#options.onWarning?.(`Device "${lost}" does not come back: device "${this.device}" goes on.`)
      this.#tensors = new SessionTensors(this.#artifacts, this.#calls)
      this.#step = 0
      this.#trainSteps = 0
      this.#reset = true
      this.#accumulation = noAccumulation
    })
  }

  /**
   * Runs a session of the runtime.
   * @throws {DeviceLostError} when the device is lost, {FeedError} when it does not compute the batch.
   */
  async #run(name: keyof Pair, feeds: OrtTensors, fetches?: readonly string[]): Promise<OrtTensors> {
    const session = this.#sessions[name]
    try {
      return (await (fetches ? session.run(feeds, fetches) : session.run(feeds))) as OrtTensors
    } catch (cause) {
      if (await this.#sessions.makeRoom(this.#sessions, { name, session, cause }))
        return this.#run(name, feeds, fetches)
      throw (await import('../runtime/run-error.ts')).runError(this.device, cause)
    }
  }

  /**
   * Frees what takes training steps, and its copies of the weights, after a call that runs: evaluation goes on, and
   * parameters and state can be read and set.
   */
  async endTraining(): Promise<void> {
    return this.#calls.change('endTraining', () => this.#sessions.training.release())
  }

  /** Frees the sessions and the temporary files, after a call that runs. */
  async release(): Promise<void> {
    if (!(await this.#calls.end('the session was released'))) return
    await this.#sessions.release()
  }

  async #fetchParameters(): Promise<Map<string, Tensor>> {
    const { parameters, state } = this.#tensors
    return this.#onHost({ ...parameters, ...state }, (all) => this.#tensors.split(all))
  }

  /**
   * What `copy` makes of tensors on the host. It is called at once where they are there: later they may be replaced.
   */
  async #onHost<Copy>(tensors: OrtTensors, copy: (tensors: OrtTensors) => Copy): Promise<Copy> {
    const { download } = this.#sessions
    if (!download) return copy(tensors)
    return copy(
      await download.run(tensors).catch((cause) => {
        throw lossOf(this.device, cause)
      }),
    )
  }
}
