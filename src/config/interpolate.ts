/**
 * How does a value come from outside the file?
 *
 *   text      = *( reference / escape / character )
 *   reference = "${" NAME "}"            a variable of the environment
 *             / "${file:" PATH "}"       the contents of a file, one trailing newline removed
 *   escape    = "$${"                    a literal "${"
 *   NAME      = ( ALPHA / "_" ) *( ALPHA / DIGIT / "_" )
 *
 * What was put in is not looked at again: a secret that contains `${` stays as it is.
 */
import { dirname, isAbsolute, join } from 'node:path'
import type { Variables } from './environment.ts'
import { type ReadFile, readText } from './text-file.ts'

/** Bytes of a file named by `${file:…}`. A key or a certificate chain fits many times over. */
const FILE_BYTES_MAX = 64 * 1024

export interface References {
  readonly variables: Variables
  readonly readFile: ReadFile
  /** Relative paths start at the folder of the configuration file. */
  readonly configPath: string
}

export interface Interpolated {
  readonly text: string
  /** True if anything was put in: then the text is never shown. */
  readonly foreign: boolean
  readonly problems: readonly string[]
}

const REFERENCE = /\$\$\{|\$\{(?:file:([^}\n]+)|([A-Za-z_][A-Za-z0-9_]*))\}|\$\{/g
const FORM = `expected \${NAME} or \${file:/path}; write $\${ for a plain \${`

/** Replaces every reference in a scalar. Never throws; problems name the variable or say what is wrong with the file. */
export function interpolate(text: string, references: References): Interpolated {
  if (!text.includes('${')) return { text, foreign: false, problems: [] }
  const problems: string[] = []
  let foreign = false
  const replaced = text.replaceAll(
    REFERENCE,
    (match: string, path: string | undefined, name: string | undefined) => {
      if (match === '$${') return '${'
      if (path === undefined && name === undefined) {
        problems.push(FORM)
        return ''
      }
      foreign = true
      const found = path === undefined ? variable(name ?? '', references) : contents(path, references)
      if (typeof found === 'string') return found
      problems.push(found.problem)
      return ''
    }
  )
  return { text: replaced, foreign, problems }
}

function variable(name: string, { variables }: References): string | { problem: string } {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined
  return value ?? { problem: `the environment variable ${name} is not set` }
}

function contents(path: string, { readFile, configPath }: References): string | { problem: string } {
  const place = isAbsolute(path) ? path : join(dirname(configPath), path)
  const read = readText(place, readFile, FILE_BYTES_MAX, '64 KiB')
  if ('wrong' in read) return { problem: `the file named by \${file:…} ${read.wrong}` }
  return read.text.replace(/\r?\n$/, '')
}
