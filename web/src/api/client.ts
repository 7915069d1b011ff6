import { QueryClient } from '@tanstack/react-query';
import createFetch, { type Middleware } from 'openapi-fetch';
import createQueries from 'openapi-react-query';
import type { Problem, paths } from './types';

/** An answer of the server that is an error, as it describes it. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
    this.name = 'ApiError';
  }
}

/** There was no answer: the server is away, or the network is. */
export class Unreachable extends Error {
  constructor() {
    super('The server does not answer.');
    this.name = 'Unreachable';
  }
}

/** Whoever wants to know that the session ended. */
let signedOut = () => {};
export function whenSignedOut(tell: () => void) {
  signedOut = tell;
}

/** What proxies answer when there is nobody behind them. */
const AWAY = [502, 503, 504];

const errors: Middleware = {
  async onResponse({ request, response }) {
    if (response.ok) return;
    const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
    // A proxy answers for a server that is away.
    if (!isProblem && AWAY.includes(response.status)) throw new Unreachable();
    const problem: Problem = isProblem
      ? await response.json()
      : {
          type: 'about:blank',
          title: 'Unexpected answer',
          status: response.status,
          code: 'internal',
          detail: `The server answered ${response.status} to ${new URL(request.url).pathname}.`,
        };
    if (problem.status === 401 && !request.url.endsWith('/session')) signedOut();
    throw new ApiError(problem);
  },
  onError() {
    return new Unreachable();
  },
};

/** Requests to the server, typed by its description; answers that are errors are thrown. */
export const client = createFetch<paths>({ baseUrl: window.location.origin });
client.use(errors);

/** The same as queries and mutations: `api.useQuery('get', path, { params })`. */
export const api = createQueries(client);

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // Events tell what changed; until then it is as it was.
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => error instanceof Unreachable && count < 3,
    },
  },
});
