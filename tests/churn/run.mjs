#!/usr/bin/env node
// ./dev churn [--streams N] [--round D] [--rounds N]: the long churn; prints its report.
import { churn } from '../e2e/lib/churn.mjs';

const argv = process.argv.slice(2);
const option = (name, otherwise) => { const at = argv.indexOf(`--${name}`); return at < 0 ? otherwise : argv[at + 1]; };

const report = await churn({ streams: Number(option('streams', 2000)), round: option('round', '60s'), rounds: Number(option('rounds', 3)), warm: 1, settle: '15s', grace: '10s', seconds: 8 });
console.log(JSON.stringify(report, null, 2));
