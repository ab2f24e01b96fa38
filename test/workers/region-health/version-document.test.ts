// Where services have the document that names their versions: URLs as catalogs have them.

import test from 'ava';
import { CheckFailure } from '../../../src/shared/errors.ts';
import { serviceUrl } from '../../../src/workers/openstack/catalog.ts';
import { versionDocuments } from '../../../src/workers/region-health/version-document.ts';

const documentsOf = (catalogUrl: string) => versionDocuments(serviceUrl(catalogUrl, 'image'));

for (const [catalogUrl, expected] of [
  ['http://cloud:9696', ['http://cloud:9696/']],
  ['http://cloud:9292/', ['http://cloud:9292/']],
  ['https://cloud/image', ['https://cloud/image/']],
  ['http://cloud:8774/v2.1', ['http://cloud:8774/v2.1/', 'http://cloud:8774/']],
  ['http://cloud:8774/v2.1/0123456789abcdef', ['http://cloud:8774/v2.1/', 'http://cloud:8774/']],
  ['https://cloud/volume/v3/AUTH_p1/', ['https://cloud/volume/v3/', 'https://cloud/volume/']],
  ['https://cloud/v2/region/v3', ['https://cloud/v2/', 'https://cloud/']],
  ['https://cloud/v2x/', ['https://cloud/v2x/']],
  ['https://[::1]:6385/v1?a=b#c', ['https://[::1]:6385/v1/', 'https://[::1]:6385/']],
  ['not a url', null],
  ['ftp://cloud/v2', null],
] satisfies readonly (readonly [string, readonly string[] | null])[])
  test(`of ${catalogUrl}`, (t) => {
    if (expected !== null) t.deepEqual(documentsOf(catalogUrl), expected);
    else
      t.like(t.throws(() => documentsOf(catalogUrl), { instanceOf: CheckFailure })?.error, {
        code: 'no-endpoint',
        message:
          "the catalog's public image endpoint is not an http(s) URL: correct it with the identity service",
      });
  });
