import test from 'ava';
import { parseProxy, proxyRules } from '../../../src/shared/network/proxy-rules.ts';

function way(url: string, env: Record<string, string>): string {
  const proxy = proxyRules(env).proxyFor(new URL(url));
  return proxy === null ? 'direct' : proxy.name;
}

// What golang.org/x/net/http/httpproxy answers to the same questions.
const noProxy: [list: string, url: string, way: string][] = [
  ['', 'https://foo.com/', 'proxy:3128'],
  ['*', 'https://foo.com/', 'direct'],
  ['bar.com, *', 'https://foo.com/', 'direct'],
  ['foo.com', 'https://foo.com/', 'direct'],
  ['foo.com', 'https://a.b.foo.com/', 'direct'],
  ['foo.com', 'https://xfoo.com/', 'proxy:3128'],
  ['FOO.com', 'https://foo.COM/', 'direct'],
  ['.foo.com', 'https://foo.com/', 'proxy:3128'],
  ['.foo.com', 'https://a.foo.com/', 'direct'],
  ['*.foo.com', 'https://foo.com/', 'proxy:3128'],
  ['*.foo.com', 'https://a.foo.com/', 'direct'],
  ['foo.com:5000', 'https://foo.com:5000/', 'direct'],
  ['foo.com:5000', 'https://foo.com/', 'proxy:3128'],
  ['foo.com:443', 'https://foo.com/', 'direct'],
  ['foo.com:80', 'http://foo.com/', 'direct'],
  ['foo.com:', 'https://foo.com/', 'direct'],
  ['a.com ,foo.com', 'https://foo.com/', 'direct'],
  [',,foo.com,', 'https://foo.com/', 'direct'],
  [':80', 'http://foo.com/', 'proxy:3128'],
  ['com', 'https://foo.com/', 'direct'],
  ['http://foo.com', 'https://foo.com/', 'proxy:3128'],
  ['foo.*', 'https://foo.com/', 'proxy:3128'],
  ['bücher.de', 'https://www.bücher.de/', 'direct'],
  ['10.0.0.0/8', 'https://10.1.2.3:5000/', 'direct'],
  ['10.1.2.9/24', 'https://10.1.2.3/', 'direct'],
  ['10.0.0.0/8', 'https://11.1.2.3/', 'proxy:3128'],
  ['10.0.0.0/33', 'https://10.1.2.3/', 'proxy:3128'],
  ['10.1.2.3', 'https://10.1.2.3/', 'direct'],
  ['10.1.2.3:5000', 'https://10.1.2.3:5001/', 'proxy:3128'],
  ['10.1', 'https://10.1.2.3/', 'proxy:3128'],
  ['2001:db8::/32', 'https://[2001:db8::5]/', 'direct'],
  ['2001:db8:0::5', 'https://[2001:db8::5]/', 'direct'],
  ['[2001:db8::5]:443', 'https://[2001:db8::5]/', 'direct'],
  ['[2001:db8::5]', 'https://[2001:db8::5]/', 'proxy:3128'],
  ['::/0', 'https://10.1.2.3/', 'proxy:3128'],
  ['::ffff:10.0.0.0/104', 'https://10.1.2.3/', 'direct'],
];

for (const [list, url, expected] of noProxy) {
  test(`NO_PROXY="${list}" and ${url}`, (t) => {
    t.is(way(url, { HTTP_PROXY: 'proxy:3128', HTTPS_PROXY: 'proxy:3128', NO_PROXY: list }), expected);
  });
}

test('each scheme has its own variable; upper case goes first, and an empty one is none', (t) => {
  const env = { HTTP_PROXY: 'http://a', http_proxy: 'http://b', https_proxy: 'http://c:99' };
  t.is(way('http://foo.com/', env), 'a:80');
  t.is(way('https://foo.com/', env), 'c:99');
  t.is(way('http://foo.com/', { ...env, HTTP_PROXY: '' }), 'b:80');
  t.is(way('https://foo.com/', { HTTP_PROXY: 'http://a' }), 'direct');
  t.is(way('https://foo.com/', { ALL_PROXY: 'http://a' }), 'direct');
  t.is(way('http://foo.com/', { ...env, no_proxy: 'foo.com' }), 'direct');
  t.is(way('http://foo.com/', { ...env, NO_PROXY: 'bar.com', no_proxy: 'foo.com' }), 'a:80');
});

test('this machine and the cluster are never asked for through a proxy', (t) => {
  const env = { HTTPS_PROXY: 'proxy:3128', KUBERNETES_SERVICE_HOST: '10.96.0.1' };
  for (const host of [
    'localhost',
    '127.0.0.1',
    '127.8.8.8',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '10.96.0.1',
    'otel.monitoring.svc',
    'keystone.openstack.svc.cluster.local',
    'keystone.openstack.svc.cluster.local.',
  ])
    t.is(way(`https://${host}:6443/`, env), 'direct', host);
  t.is(way('https://svc/', env), 'proxy:3128');
  t.is(way('https://0.0.0.0/', env), 'proxy:3128');
});

test('the URL of a proxy may do without its scheme and port, and have a login', (t) => {
  const parts = { login: null, source: 'X' };
  t.deepEqual(parseProxy('proxy', 'X'), {
    kind: 'http',
    host: 'proxy',
    port: 80,
    name: 'proxy:80',
    ...parts,
  });
  t.like(parseProxy('10.0.0.1:3128', 'X'), { kind: 'http', host: '10.0.0.1', port: 3128 });
  t.like(parseProxy('https://[2001:db8::1]', 'X'), { host: '2001:db8::1', name: '[2001:db8::1]:443' });
  t.like(parseProxy('socks5h://proxy', 'X'), { kind: 'socks5', port: 1080 });
  const login = { user: 'me@corp', password: 'a:b/c' };
  t.like(parseProxy('me%40corp:a%3Ab%2Fc@proxy', 'X'), { host: 'proxy', login, name: 'proxy:80' });
  t.like(parseProxy('http://me@proxy', 'X'), { login: { user: 'me', password: '' } });
});

test('what is no proxy is a problem that names the variable, not its value, and leaves the way direct', (t) => {
  for (const value of ['ftp://me:secret@proxy', 'http://me:secret@', 'http://me:secret@a b/']) {
    const rules = proxyRules({ https_proxy: value });
    t.is(rules.proxyFor(new URL('https://foo.com')), null);
    t.is(rules.problems.length, 1);
    t.regex(rules.problems[0] ?? '', /^https_proxy .*give http:\/\/host:port/);
    t.notRegex(rules.problems[0] ?? '', /secret/);
  }
});

test('HTTP_PROXY under CGI comes from a client', (t) => {
  const rules = proxyRules({ HTTP_PROXY: 'http://a', HTTPS_PROXY: 'http://b', REQUEST_METHOD: 'GET' });
  t.is(rules.proxyFor(new URL('http://foo.com')), null);
  t.is(rules.proxyFor(new URL('https://foo.com'))?.name, 'b:80');
  t.regex(rules.problems.join(), /REQUEST_METHOD/);
});
