// Certificates that are trusted, read as Go reads a pool of them: what is not a readable certificate is skipped, and one
// out of its time leads nowhere. OpenSSL alone would end at the first block that it cannot read, and follow an expired
// anchor instead of a certificate of the same authority that is valid.

import { X509Certificate } from 'node:crypto';

export interface Anchor {
  readonly pem: string;
  readonly fingerprint: string;
  readonly subject: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

const block = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** The certificates in a text, readable or not, all in the same layout. */
export function certificatesIn(text: string): string[] {
  return [...text.matchAll(block)].map(([, base64 = '']) => {
    const lines = base64.replaceAll(/\s/g, '').match(/.{1,64}/g) ?? [];
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----'].join('\n');
  });
}

/** One unreadable certificate must not spoil the others. */
export function readable(certificates: readonly string[]): Anchor[] {
  return certificates.flatMap((pem) => {
    try {
      const { fingerprint256, subject, validFromDate, validToDate } = new X509Certificate(pem);
      return [
        {
          pem,
          fingerprint: fingerprint256,
          subject: subject.replaceAll('\n', ', '),
          fromMs: validFromDate.getTime(),
          untilMs: validToDate.getTime(),
        },
      ];
    } catch {
      return [];
    }
  });
}

export function anchorsIn(text: string): Anchor[] {
  return readable(certificatesIn(text));
}

export function isValidAt(nowMs: number): (anchor: Anchor) => boolean {
  return ({ fromMs, untilMs }) => fromMs <= nowMs && nowMs <= untilMs;
}

/** Orders in which to try more than three authorities of one name are not worth a connection each. */
const maxOrders = 3;

/**
 * Further orders of the anchors. Of several authorities of one name, OpenSSL takes the first and does not try the next
 * one when that did not sign: in each of these orders, another one is the first.
 */
export function furtherOrders(anchors: readonly Anchor[]): Anchor[][] {
  const bySubject = [...Map.groupBy(anchors, ({ subject }) => subject).values()];
  const most = Math.min(maxOrders, Math.max(1, ...bySubject.map(({ length }) => length)));
  return Array.from({ length: most - 1 }, (_, index) =>
    bySubject.flatMap((rivals) => {
      const first = (index + 1) % rivals.length;
      return [...rivals.slice(first), ...rivals.slice(0, first)];
    }),
  );
}
