import { api } from './client';
import type { Role } from './types';

const ORDER: Role[] = ['viewer', 'operator', 'admin'];

/** Whose session this is. */
export function useSession() {
  return api.useQuery('get', '/api/v1/session', {}, { staleTime: Number.POSITIVE_INFINITY }).data;
}

/** Whether the person may do what needs this role. */
export function useMay(role: Role): boolean {
  const session = useSession();
  return session !== undefined && ORDER.indexOf(session.role) >= ORDER.indexOf(role);
}
