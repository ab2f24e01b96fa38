// Where a service has the document that names its versions.

/**
 * In this order: the version that the catalog names, and the root of the service. Which of them a service has depends on the
 * service, and on what is in front of it.
 */
export function versionDocuments({ origin, pathname }: URL): readonly string[] {
  const path = pathname.replace(/\/+$/, '');
  // What follows a version is a project.
  const [versioned] = /^.*?\/v\d+(?:\.\d+)?(?=\/|$)/.exec(path) ?? [];
  if (versioned === undefined) return [`${origin}${path}/`];
  const root = versioned.slice(0, versioned.lastIndexOf('/'));
  return [`${origin}${versioned}/`, `${origin}${root}/`];
}
