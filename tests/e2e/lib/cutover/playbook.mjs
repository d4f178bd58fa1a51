// The text that playbooks of tests share.

/** Why a cutover of lanes that keep their threads in memory may move new threads alone. */
export const NEW_ONLY = 'continuity: new-threads-only\ncontinuity_reason: the lanes of this test keep their threads in memory\n';

const variable = ([name, otherwise]) => `  - { name: ${name}, ${otherwise === undefined ? 'required: true' : `default: ${otherwise}`} }\n`;

/**
 * The head of a playbook for two lanes behind `oa-stream front`: base_url and socket are its variables.
 * `more`: further ones, name → default, undefined: needed. `target`: further members of the target.
 */
export const localHead = (name, { kind = 'cutover', more = {}, target = '', prompt = 'replay:hello' } = {}) => `version: 1
kind: ${kind}
${kind === 'cutover' ? NEW_ONLY : ''}name: ${name}
variables:
${[['base_url'], ['socket'], ...Object.entries(more)].map(variable).join('')}target: { base_url: "\${base_url}", ${target}prompt: "${prompt}" }
traffic: { driver: local, socket: "\${socket}", base_url: "\${base_url}", stable: v1, canary: v2 }
`;

/** Stages that a handful of probes decide. */
export const quickStages = ({ stages = '[50%, 100%]', bake, bad = '30%', confidence = '90%', extend }) => `stages: ${stages}
stage:
  bake: ${bake}
  probe: { rate: 25/s, per: arm, unpinned: 25/s }
  gates:
    - { bad: any, at_most: ${bad}, confidence: ${confidence} }
  on_inconclusive: { extend_at_most: ${extend}, then: rollback }
`;
export const QUICK_LIMITS = 'limits: { fresh_row: 3, restore: 20s, shift: 10s }\n';
