// Where a service has the document that names its versions.

/**
 * In this order: the version that the catalog names, and the root of the service. Which of them a service has depends on the
 * service, and on what is in front of it. Null for what is no http(s) URL.
 */
export function versionDocuments(catalogUrl: string): readonly string[] | null {
  const url = URL.parse(catalogUrl);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null;
  const path = url.pathname.replace(/\/+$/, '');
  // What follows a version is a project.
  const versioned = /^(?<root>.*?)(?<version>\/v\d+(?:\.\d+)?)(?:\/.*)?$/.exec(path)?.groups;
  if (versioned === undefined) return [`${url.origin}${path}/`];
  const { root = '', version = '' } = versioned;
  return [`${url.origin}${root}${version}/`, `${url.origin}${root}/`];
}
