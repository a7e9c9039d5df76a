// The gateway's HTTP: one function, and what can go wrong with it in words.
import { t } from './language.js';
import { token } from './session.js';

/** An answer that is not what was asked for; `status` is 0 where none came. */
export class Problem extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body?.detail ?? body?.title ?? `HTTP ${status}`);
    this.status = status;
    this.body = body;
    this.retryAfter = retryAfter;
  }

  /** What it means for the reader. */
  words() {
    const known = { 0: 'problem.network', 401: 'problem.401', 403: 'problem.403', 404: 'problem.404', 429: 'problem.429' }[this.status];
    if (known) return t(known, { s: this.retryAfter ?? '–' });
    return this.status >= 500 ? t('problem.5xx') : t('problem.other', { n: this.status });
  }

  /** What the server said about it, if it adds anything. */
  said() {
    return this.body?.detail ?? this.body?.title ?? null;
  }
}

/**
 * `path` with the visitor's token. Resolves to {status, body, etag, retryAfter}; a 304 has no body. Rejects with a Problem.
 * `waitS` asks the server to hold the answer until it differs from `etag`.
 */
export async function call(path, { method = 'GET', body, etag, waitS, signal } = {}) {
  const headers = { Accept: 'application/json' };
  if (token()) headers.Authorization = `Bearer ${token()}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (etag) headers['If-None-Match'] = etag;
  if (waitS) headers.Prefer = `wait=${waitS}`;
  let response;
  let text;
  try {
    response = await fetch(path, { method, headers, signal, cache: 'no-store', body: body === undefined ? undefined : JSON.stringify(body) });
    text = response.status === 304 ? '' : await response.text();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0);
  }
  const found = text === '' ? null : parsed(text);
  const retryAfter = response.headers.get('Retry-After');
  if (!response.ok && response.status !== 304) {
    if (response.status === 401) document.dispatchEvent(new CustomEvent('viva:unauthorized'));
    throw new Problem(response.status, found ?? {}, retryAfter);
  }
  return { status: response.status, body: found, etag: response.headers.get('ETag'), retryAfter };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's own page, perhaps
  }
}
