/**
 * Which facts come from outside the configuration file? The only reader of `process.env`; every other part
 * gets what it needs as a parameter.
 */
import { existsSync } from 'node:fs'

export type Variables = Readonly<Record<string, string | undefined>>

/** What Keywatch takes from the environment, besides `${NAME}` in the configuration. */
export interface Environment {
  /** All variables, for `${NAME}` in the configuration. */
  readonly variables: Variables
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`: where Keywatch's own traces go. Absent: none are made. */
  readonly otlpEndpoint?: string
  /** `CI`: generated files are checked, never rewritten. */
  readonly ci: boolean
  /** False if `NO_COLOR` is set to anything (https://no-color.org). */
  readonly color: boolean
}

const given = (value: string | undefined): value is string => value !== undefined && value !== ''

export function environment(variables: Variables = process.env): Environment {
  const otlpEndpoint = variables['OTEL_EXPORTER_OTLP_ENDPOINT']
  return {
    variables,
    ci: given(variables['CI']) && variables['CI'] !== 'false' && variables['CI'] !== '0',
    color: !given(variables['NO_COLOR']),
    ...(given(otlpEndpoint) ? { otlpEndpoint } : {})
  }
}

export const DEFAULT_CONFIG_PATH = './keywatch.yml'

/**
 * The file to load: `--config`, else `KEYWATCH_CONFIG`, else `./keywatch.yml` if it exists, else none, which
 * means the embedded default. A file that was named and is missing is a problem of `loadConfig`.
 */
export function resolveConfigPath(
  flag: string | undefined,
  variables: Variables,
  exists: (path: string) => boolean = existsSync
): string | undefined {
  if (given(flag)) return flag
  const named = variables['KEYWATCH_CONFIG']
  if (given(named)) return named
  return exists(DEFAULT_CONFIG_PATH) ? DEFAULT_CONFIG_PATH : undefined
}
