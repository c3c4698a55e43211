/** All rules, one list: a family is a file beside this one. */
import { azure, type InfixRule } from './azure.ts'
import { chat } from './chat.ts'
import { clouds } from './clouds.ts'
import { forges } from './forges.ts'
import { jwt } from './jwt.ts'
import { models } from './models.ts'
import { registries } from './registries.ts'
import type { TokenRule } from './rule.ts'
import { services } from './services.ts'
import { vaults } from './vaults.ts'

/** In the order of preference: where two match the same text, the earlier names it. */
export const RULES: readonly TokenRule[] = [
  ...jwt,
  ...forges,
  ...models,
  ...chat,
  ...clouds,
  ...vaults,
  ...registries,
  ...services
]

export const INFIX_RULES: readonly InfixRule[] = azure
