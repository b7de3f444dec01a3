// The rows that a language model is trained on, in columns called as in TRL's data sets.

import {
  type ChatMessage,
  DataError,
  describeValue,
  type LanguageModelText,
  renameFix,
  requireField,
  requireText,
  type Tokenizer,
} from '@cola/data'
import { requireMessages } from '../generate/messages.ts'
import { isShareGpt, shareGptRowsFix } from '../generate/share-gpt.ts'
import { assistantTurns, type Render } from './assistant-turns.ts'
import { leavesOut } from '../onnx/left-out.ts'
import { columnsFix } from './other-columns.ts'
import { presentIn } from './other-form.ts'
import { isPreference, preferences } from './preference-rows.ts'

/** A text, all of which is learned. */
export interface TextRow {
  text: string
}

/** A beginning that is given, and how it goes on, which is learned. Where one is a conversation, both are. */
export interface CompletionRow {
  prompt: string | readonly ChatMessage[]
  completion: string | readonly ChatMessage[]
}

/** A conversation, all of which is learned; with `assistant_only_loss`, the turns of the assistant. */
export interface ConversationRow {
  messages: readonly ChatMessage[]
}

/** A row of the task CAUSAL_LM: a text, a prompt with its completion, or a chat. */
export type LanguageModelRow = TextRow | CompletionRow | ConversationRow

/** `answer`: a completion of a conversation, by messages. */
export type LanguageModelForm = 'text' | 'completion' | 'conversation' | 'answer'

/** How a row becomes text. */
interface FormRow {
  columns: readonly string[]
  /** Whether a chat template writes the text, special tokens included. */
  templated: boolean
  text: (row: object, context: RowContext) => LanguageModelText
}

interface RowContext {
  tokenizer: Pick<Tokenizer, 'applyChatTemplate'>
  /** Name of the chat template, where the tokenizer has several. */
  chat_template: string | undefined
  /** Whether the assistant's turns alone are learned. */
  assistant_only_loss?: boolean | undefined
  /** Of the row, in errors. */
  where: string
}

const forms: { readonly [Form in LanguageModelForm]: FormRow } = {
  text: {
    columns: ['text'],
    templated: false,
    text: (row, { where }) => ({ text: requireText(row, 'text', where) }),
  },
  completion: {
    columns: ['prompt', 'completion'],
    templated: false,
    text(row, { where }) {
      const prompt = requireText(row, 'prompt', where)
      return { prompt, text: prompt + requireText(row, 'completion', where) }
    },
  },
  conversation: {
    columns: ['messages'],
    templated: true,
    text(row, context) {
      const messages = requireMessages(row, 'messages', context.where)
      const render: Render = (some, options) => templated(some, 'messages', context, options)
      return context.assistant_only_loss ? assistantTurns(messages, render, context.where) : { text: render(messages) }
    },
  },
  answer: {
    columns: ['prompt', 'completion'],
    templated: true,
    text(row, context) {
      const [prompt, completion] = ['prompt', 'completion'].map((field) =>
        requireMessages(row, field, context.where),
      ) as [ChatMessage[], ChatMessage[]]
      return {
        prompt: templated(prompt, 'prompt', context, { add_generation_prompt: true }),
        text: templated([...prompt, ...completion], 'completion', context),
      }
    },
  },
}

/** Names of the forms. */
export const languageModelForms = Object.keys(forms)

/** All columns of all forms; others of a table are left alone. */
const known = new Set(Object.values(forms).flatMap(({ columns }) => columns))

/** The form whose columns a row has. @throws {DataError} naming the row, where they are those of none. */
export function formOf(row: object, where: string): LanguageModelForm {
  const present = presentIn(row).filter((name) => known.has(name))
  const has = (...columns: readonly string[]) =>
    present.length === columns.length && columns.every((name) => present.includes(name))
  if (has('text')) return 'text'
  if (has('messages')) return 'conversation'
  if (has('prompt', 'completion')) return Array.isArray((row as CompletionRow).prompt) ? 'answer' : 'completion'
  if (isPreference(row)) throw preferences(row, where)
  throw new DataError({
    where,
    what: 'columns of no form of rows',
    expected: 'text; or prompt, completion; or messages',
    found: presentIn(row).join(', ') || 'no columns',
    fix:
      ofShareGpt(row) ??
      columnsFix(row, [['prompt', 'completion'], ['messages']]) ??
      renameFix([...known], presentIn(row)),
  })
}

/** What to do about a row whose conversation is ShareGPT's. */
const ofShareGpt = (row: object): string | undefined => {
  const [name] = Object.entries(row).find(([, value]) => isShareGpt(value)) ?? []
  return name === undefined ? undefined : shareGptRowsFix(name)
}

/** Columns of a form. */
export const columnsOf = (form: LanguageModelForm): string => forms[form].columns.join(', ')

/** Whether rows of a form have a prompt, which need not be learned. */
export const hasCompletions = (form: LanguageModelForm): boolean => forms[form].columns.includes('completion')

/** Whether a chat template writes the texts of a form. */
export const isTemplated = (form: LanguageModelForm): boolean => forms[form].templated

/**
 * The text of a row.
 * @throws {DataError} naming the row and the field: another form than the table's, an empty text, invalid messages, or
 * messages that the chat template refuses.
 */
export function textOf(row: object, form: LanguageModelForm, context: RowContext): LanguageModelText {
  requireColumns(row, forms[form].columns, context.where)
  const rowForm = formOf(row, context.where)
  if (rowForm === form) return forms[form].text(row, context)
  throw new DataError({
    where: context.where,
    what: 'a row of another form than the first training row',
    expected: columnsOf(form) + (form === 'answer' ? ' as messages' : ''),
    found: presentIn(row).join(', ') + (rowForm === 'answer' ? ' as messages' : ''),
    fix: 'Train on a table of one form.',
  })
}

/** @throws {DataError} naming the row that lacks a column of its form, and has none of another. */
function requireColumns(row: object, columns: readonly string[], where: string): void {
  const present = presentIn(row).filter((name) => known.has(name))
  if (present.some((name) => !columns.includes(name))) return
  for (const name of columns) requireField(row, name, where, { [name]: '' })
}

/** @throws {DataError} naming the row, where the chat template leaves out what its last message says. */
export function requireWritten(row: object, form: LanguageModelForm, context: RowContext): void {
  const { tokenizer, chat_template, where } = context
  const { columns, templated } = forms[form]
  const messages = columns.flatMap((field) => row[field as keyof object] as readonly ChatMessage[])
  if (!templated || !leavesOut(tokenizer, messages, chat_template)) return
  throw new DataError({
    where: `${where}, chat_template`,
    what: 'the template leaves out what the last message says, so that it cannot be learned',
    expected: 'Jinja that writes the content of each message',
    found: describeValue(rendered(messages, context)),
    fix: 'Give another template with open: { chat_template }, as Jinja text.',
  })
}

/** A conversation by the chat template; its errors name the row. */
function templated(
  messages: readonly ChatMessage[],
  field: string,
  context: RowContext,
  options: Parameters<Render>[1] = {},
): string {
  try {
    return rendered(messages, context, options)
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    throw new DataError({ ...error.problem, where: `${context.where}, field "${field}", ${error.problem.where}` })
  }
}

const rendered = (
  messages: readonly ChatMessage[],
  { tokenizer, chat_template }: RowContext,
  options: Parameters<Render>[1] = {},
): string =>
  tokenizer.applyChatTemplate(messages, {
    ...options,
    ...(chat_template === undefined ? {} : { chat_template }),
  })
