// @kubernetes/client-node has no `exports`: these files are imported by path, and an update may move them.

import test from 'ava';

test('client-node still has its credential plugin and its configuration where credentials.ts imports them', async (t) => {
  const { ExecAuth } = await import('@kubernetes/client-node/dist/exec_auth.js');
  t.is(typeof new ExecAuth().applyAuthentication, 'function');
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  t.is(typeof new KubeConfig().applyToHTTPSOptions, 'function');
});
