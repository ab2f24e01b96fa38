// Services of the sandbox that only say which versions they have: networks, images and volumes.

import { type Answer, jsonAnswer, novaFault } from './answer.ts';
import type { Json } from './json.ts';
import type { Match, Route } from './routes.ts';

export class VersionServices {
  readonly #endpoint: string;

  /** Of the whole cloud, without a trailing slash. */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  answer({ route }: Match): Answer {
    const answer = this.#documents[route];
    return answer?.() ?? novaFault(404, 'The resource could not be found.');
  }

  unauthorized(): Answer {
    return jsonAnswer(401, {
      error: { code: 401, title: 'Unauthorized', message: 'Authentication required' },
    });
  }

  readonly #documents: Partial<Record<Route, () => Answer>> = {
    'GET /networking': () => jsonAnswer(200, { versions: [this.#version('v2.0', '/networking/v2.0/')] }),
    // As Glance and Cinder list their versions.
    'GET /image': () => choices([this.#version('v2.16', '/image/v2/')]),
    'GET /volume': () => choices([this.#version('v3.0', '/volume/v3/')]),
  };

  #version(id: string, path: string): Json {
    return { id, status: 'CURRENT', links: [{ rel: 'self', href: `${this.#endpoint}${path}` }] };
  }
}

function choices(versions: readonly Json[]): Answer {
  return { ...jsonAnswer(300, { versions: [...versions] }), reason: 'Multiple Choices' };
}
