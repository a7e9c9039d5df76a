// The visitor's token: from the address (`#token=…`), kept for this tab only; and short-lived ones for event streams.
import { call } from './api.js';

const KEY = 'viva.token';
let held = null; // where storage is forbidden, the token lives as long as the page

/** Takes a token out of the address bar, so that it is neither bookmarked nor shown. */
export function takeFromAddress() {
  const found = /(?:^#|&)token=([^&]+)/.exec(location.hash);
  if (!found) return false;
  keep(decodeURIComponent(found[1]));
  history.replaceState(history.state, '', location.pathname + location.search);
  return true;
}

export function token() {
  if (held) return held;
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function keep(value) {
  forget();
  held = value;
  try {
    sessionStorage.setItem(KEY, value);
  } catch { /* `held` has it */ }
}

export function forget() {
  held = null;
  staff = null;
  short.clear();
  try {
    sessionStorage.removeItem(KEY);
  } catch { /* nothing was stored */ }
}

const TTL_S = 300;
const short = new Map();

/** A token that an EventSource may carry in its address: least rights, minutes of life, renewed before it ends by this page's own clock. */
export async function shortLived(role, interview) {
  const name = `${role}/${interview ?? ''}`;
  const known = short.get(name);
  if (known && performance.now() < known.until) return known.token;
  const born = performance.now();
  const { body } = await call('/v1/tokens', { method: 'POST', body: { role, interview_id: interview ?? null, ttl_s: TTL_S } });
  short.set(name, { token: body.token, until: born + TTL_S * 800 });
  return body.token;
}

/** Drops a short-lived token that a server refused: the next one is new. */
export const renew = (role, interview) => short.delete(`${role}/${interview ?? ''}`);

let staff = null;
/** Whether the token is a recruiter's or a service's (only theirs may list interviews); null where that can't be found out now. */
export function isStaff() {
  staff ??= call('/v1/interviews').then(() => true, (problem) => {
    if (problem.status === 403) return false;
    staff = null; // asked again next time
    return null;
  });
  return staff;
}
