// Unusable configuration for reaching the API server.

export class AccessError extends Error {
  override readonly name = 'AccessError';
  /** What is wrong, with the file and the field. */
  readonly flaw: string;
  /** What to do about it. */
  readonly remedy: string;

  constructor(flaw: string, remedy: string, options?: ErrorOptions) {
    super(`${flaw}: ${remedy}`, options);
    this.flaw = flaw;
    this.remedy = remedy;
  }
}
