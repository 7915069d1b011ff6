import { api } from '../../api/client';

/** What the server says of itself. */
export function useServer() {
  return api.useQuery('get', '/api/v1/server');
}
