/** Tokens of code hosts: GitHub, GitLab, Bitbucket and Atlassian. No fixed lengths: they have grown before. */
import { fake, rule } from './rule.ts'

const WORD = '[A-Za-z0-9_]'
const DASHED = '[A-Za-z0-9_.-]'

const github = (type: string, prefix: string) =>
  rule(
    type,
    [prefix],
    `${WORD}{10,}`,
    { ok: [prefix + fake(36), prefix + fake(120)], ng: [`${prefix}name`, `${prefix}`, `x${fake(4)}`] },
    { left: 'any' }
  )

export const forges = [
  github('github-pat', 'ghp_'),
  github('github-oauth', 'gho_'),
  github('github-user-token', 'ghu_'),
  github('github-refresh-token', 'ghr_'),
  // `ghs_<app id>_<JWT>` is the newer form: dots and dashes belong to it.
  rule(
    'github-app-token',
    ['ghs_'],
    '(?:[0-9]{1,12}_eyJ[A-Za-z0-9_.-]{10,}|[A-Za-z0-9_]{10,})',
    {
      ok: [`ghs_${fake(36)}`, `ghs_${fake(7, 'digits')}_eyJ${fake(30)}.${fake(40)}.${fake(64)}`],
      ng: ['ghs_app', 'ghs_']
    },
    { left: 'any' }
  ),
  rule(
    'github-fine-grained-pat',
    ['github_pat_'],
    `${WORD}{10,}`,
    { ok: [`github_pat_${fake(22)}_${fake(59)}`], ng: ['github_pat_id', 'github_path_x'] },
    { left: 'any' }
  ),
  rule(
    'gitlab-token',
    [
      'glpat-',
      'glptt-',
      'gldt-',
      'glrt-',
      'glrtr-',
      'glcbt-',
      'glft-',
      'glimt-',
      'glagent-',
      'glsoat-',
      'gloas-',
      'glffct-',
      'glwt-'
    ],
    `${DASHED}{8,}`,
    {
      ok: [`glpat-${fake(20)}`, `glpat-${fake(44)}.01.${fake(9)}`, `glrt-t1_${fake(20)}`],
      ng: ['glpat-x', 'gldt-']
    },
    { glued: 'glpat-[A-Za-z0-9_.-]{20,}' }
  ),
  rule(
    'gitlab-runner-registration',
    ['GR1348941'],
    '[A-Za-z0-9_-]{10,}',
    { ok: [`GR1348941${fake(20)}`], ng: ['GR1348941', 'GR13489'] },
    { left: 'any' }
  ),
  rule(
    'atlassian-api-token',
    ['ATATT3', 'ATCTT3'],
    '[A-Za-z0-9_=-]{20,}',
    { ok: [`ATATT3xFfGF0${fake(160)}=${fake(8, 'hex').toUpperCase()}`], ng: ['ATATT3', 'ATATT32'] },
    { left: 'any' }
  ),
  rule('bitbucket-app-password', ['ATBB'], '[A-Za-z0-9]{24,}', {
    ok: [`ATBB${fake(32)}`],
    ng: ['ATBB', 'ATBBoard']
  })
]
