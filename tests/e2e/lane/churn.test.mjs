// A short churn: clients that come, leave in the middle, dawdle and come back. ./dev churn is the long one.
import { test } from 'node:test';
import { churn } from '../lib/churn.mjs';

test('200 clients at once: nothing lost, nothing doubled, no rule broken, nothing left open', async () => {
  // Memory is for the long one: what a small lane grows by in seconds says nothing.
  await churn({ streams: 200, round: '5s', growth: 2, settle: '1s', seconds: 2 });
});
