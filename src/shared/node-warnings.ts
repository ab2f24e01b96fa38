// Warnings of Node: deprecations, TLS without verification, too many listeners. Node prints them as plain text, which a
// reader of JSON lines cannot use.

/** Hands each warning over, instead of Node's printing it. Does nothing where Node was asked to print none. */
export function onNodeWarning(listen: (text: string) => void): void {
  // NODE_NO_WARNINGS=1 and --no-warnings: Node has no listener of its own either.
  if (process.listenerCount('warning') === 0) return;
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => {
    if (name === 'DeprecationWarning' && process.noDeprecation === true) return;
    listen(`${name}: ${message}`);
  });
}
