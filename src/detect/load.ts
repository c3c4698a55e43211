/**
 * Detector files → rules and correlations that can run, and everything that is wrong with the rest.
 *
 * A document that cannot run is a problem with a place; it never stops another one, but a correlation cannot
 * run without the rules it names. Problems are listed in the order of files and lines.
 */
import type { DetectorProblem, Level } from '../core/finding.ts'
import { LEVELS } from '../core/finding.ts'
import type { Disk } from '../core/ports.ts'
import { type CorrelationText, parseCorrelation } from './correlation.ts'
import { Field } from './fields.ts'
import { type Head, parseHead, parseRule, type Rule, revisionOf } from './rule.ts'
import { FILE_CHARS_MAX, Flaw, type MapTree, member, parseTrees, type TreeDocument } from './yaml-tree.ts'

export interface DetectorFile {
  /** As it is shown: relative to the folder of detectors. */
  readonly path: string
  readonly text: string
}

/** What a correlation takes from the matches of one rule. */
export interface Input {
  readonly rule: Rule
  readonly groupFields: readonly Field[]
  /** The field whose distinct values are counted; undefined: the events are. */
  readonly valueField: Field | undefined
}

/** A correlation whose rules are found. `head.revision` covers their texts. */
export interface Correlation extends Omit<CorrelationText, 'references'> {
  readonly inputs: readonly Input[]
}

export interface DetectorSet {
  /** In the order of files and documents. */
  readonly rules: readonly Rule[]
  readonly correlations: readonly Correlation[]
  /** Rules that only feed correlations: they make no finding of their own. */
  readonly silent: ReadonlySet<Rule>
  readonly problems: readonly DetectorProblem[]
}

const LEVEL_DEFAULT: Level = 'medium'
export const levelOf = (head: Head): Level => head.level ?? LEVEL_DEFAULT

/** Compiles all documents of all files. Never throws for what a file holds. */
export function loadDetectors(files: readonly DetectorFile[]): DetectorSet {
  const loader = new Loader()
  for (const file of files) {
    for (const document of parseTrees(file.text)) loader.take(file.path, document)
  }
  return loader.finish()
}

class Loader {
  readonly #rules: Rule[] = []
  readonly #texts: CorrelationText[] = []
  readonly #problems: DetectorProblem[] = []
  /** id, name → the file that has it. */
  readonly #taken = new Map<string, string>()

  take(file: string, document: TreeDocument): void {
    const flaws = [...document.flaws]
    try {
      const { tree } = document
      if (tree !== undefined) {
        if (tree.kind !== 'map') throw new Flaw(tree.at, 'a detector must be a map')
        this.#document(tree, file, document.text, flaws)
      }
    } catch (error) {
      if (!(error instanceof Flaw)) throw error
      flaws.push(error)
    }
    for (const flaw of flaws) this.#problem(file, flaw)
  }

  #document(tree: MapTree, file: string, text: string, flaws: Flaw[]): void {
    if (member(tree, 'filter') !== undefined) throw new Flaw(tree.at, 'global filters are not supported yet')
    const correlates = member(tree, 'correlation') !== undefined
    if (!correlates && member(tree, 'detection') === undefined && member(tree, 'action') === undefined) {
      throw new Flaw(tree.at, 'not a detector: it has neither detection nor correlation')
    }
    const head = parseHead(tree, file, text)
    if (correlates) {
      const found = parseCorrelation(tree, head)
      this.#claim(head)
      this.#texts.push(found)
      return
    }
    const rule = parseRule(tree, head, flaws)
    if (rule === undefined) return
    this.#claim(head)
    this.#rules.push(rule)
  }

  #claim(head: Head): void {
    const keys = head.name === undefined || head.name === head.id ? [head.id] : [head.id, head.name]
    for (const key of keys) {
      const other = this.#taken.get(key)
      if (other !== undefined) throw new Flaw(head.at, `its id or name is already used in ${other}`)
    }
    for (const key of keys) this.#taken.set(key, head.file)
  }

  finish(): DetectorSet {
    const correlations: Correlation[] = []
    for (const text of this.#texts) {
      try {
        correlations.push(this.#resolve(text))
      } catch (error) {
        if (!(error instanceof Flaw)) throw error
        this.#problem(text.head.file, error)
      }
    }
    const fed = new Set(correlations.flatMap(found => found.inputs.map(input => input.rule)))
    const loud = new Set(
      correlations.filter(found => found.generate).flatMap(found => found.inputs.map(input => input.rule))
    )
    const order = (a: DetectorProblem, b: DetectorProblem) =>
      a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1
    return {
      rules: this.#rules,
      correlations,
      silent: new Set([...fed].filter(rule => !loud.has(rule))),
      problems: this.#problems.sort(order)
    }
  }

  #resolve(text: CorrelationText): Correlation {
    const rules = text.references.map(reference => {
      const found = this.#rules.find(
        ({ head }) =>
          head.id === reference.text || head.name === reference.text || head.title === reference.text
      )
      if (found !== undefined) return found
      const chained = this.#texts.some(
        ({ head }) => head.id === reference.text || head.name === reference.text
      )
      throw new Flaw(
        reference.at,
        chained
          ? 'a correlation of correlations is not supported yet'
          : 'this names no rule that can run; it may have a problem of its own'
      )
    })
    const inputs = rules.map(rule => {
      const field = (name: string) => new Field(aliased(text, name, rule), rule.view)
      return {
        rule,
        groupFields: text.groupBy.map(field),
        valueField: text.field === undefined ? undefined : field(text.field)
      }
    })
    const revision = revisionOf(text.head.revision, ...rules.map(rule => rule.head.revision))
    const level = text.head.level ?? highest(rules.map(rule => levelOf(rule.head)))
    return { ...text, head: { ...text.head, revision, level }, inputs }
  }

  #problem(file: string, flaw: Flaw): void {
    this.#problems.push({ file, line: flaw.at.line, column: flaw.at.column, message: flaw.message })
  }
}

function aliased(text: CorrelationText, name: string, rule: Rule): string {
  const alias = text.aliases.get(name)
  if (alias === undefined) return name
  const field = alias.get(rule.head.name ?? '') ?? alias.get(rule.head.id)
  if (field === undefined || field === '') {
    throw new Flaw(text.head.at, 'an alias lacks the field of one of the rules')
  }
  return field
}

const highest = (levels: readonly Level[]): Level =>
  LEVELS[Math.max(...levels.map(level => LEVELS.indexOf(level)))] ?? LEVEL_DEFAULT

const FOLDER_DEPTH_MAX = 8

/**
 * Reads all `*.yml` and `*.yaml` below a folder, sorted by path. A name without a dot is taken for a folder.
 * Files over the limit are cut, which the loader then reports. Rejects if the disk does.
 */
export async function readDetectorFolder(disk: Disk, folder: string): Promise<DetectorFile[]> {
  const files: DetectorFile[] = []
  const visit = async (path: string, shown: string, depth: number): Promise<void> => {
    for (const name of await disk.list(path)) {
      const below = `${path}/${name}`
      const label = shown === '' ? name : `${shown}/${name}`
      if (/\.ya?ml$/.test(name)) {
        const file = await disk.open(below, 'read')
        try {
          const length = Math.min(await file.size(), FILE_CHARS_MAX * 4)
          files.push({ path: label, text: (await file.read(length, 0)).toString('utf8') })
        } finally {
          await file.close()
        }
      } else if (!name.includes('.') && depth < FOLDER_DEPTH_MAX) await visit(below, label, depth + 1)
    }
  }
  await visit(folder, '', 0)
  return files
}
