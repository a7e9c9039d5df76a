// News as it happens: an EventSource that is opened again with what was seen last, and long polling where none gets through.
//
// Promises that a gap is never silent: each opening tells the view to read again, and events missed are replayed by id.
import { renew, shortLived } from './session.js';

const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30_000;
const OFFLINE_RETRY_MS = 5000;
const FAILURES_BEFORE_POLLING = 3;
const POLL_BEFORE_RETRY_MS = 60_000;

/**
 * Follows `path`. `role` and `interview` say which short-lived token to ask for, `names` which events there are.
 * Calls `onOpen()`, `onEvent(name, data)` and `onState('live' | 'polling' | 'lost' | 'over')`; `isOver()` says that nothing more is
 * expected, `poll(signal)` is one long poll.
 */
export class Stream {
  constructor(options) {
    Object.assign(this, options);
    this.lastId = null;
    this.failures = 0;
    this.again = () => this.restart();
    window.addEventListener('online', this.again);
    window.addEventListener('offline', this.again);
    this.open();
  }

  /** Tries at once, whatever it was waiting for. (A browser may call itself offline while the server runs beside it: so it tries.) */
  restart() {
    if (this.closed || this.state === 'over') return;
    this.stop();
    this.open();
  }

  close() {
    this.closed = true;
    window.removeEventListener('online', this.again);
    window.removeEventListener('offline', this.again);
    this.stop();
  }

  stop() {
    clearTimeout(this.timer);
    this.turn = (this.turn ?? 0) + 1; // whatever is still on its way belongs to an earlier turn
    this.source?.close();
    this.abort?.abort();
  }

  tell(state) {
    if (this.closed || this.state === state) return;
    this.state = state;
    this.onState(state);
  }

  async open() {
    const turn = this.turn ?? 0;
    const address = new URL(this.path, location.origin);
    try {
      address.searchParams.set('access_token', await shortLived(this.role, this.interview));
    } catch (problem) {
      // Refused is not lost: the view says why.
      if (this.isCurrent(turn) && problem.status !== 401 && problem.status !== 403) this.failed();
      return;
    }
    if (!this.isCurrent(turn)) return;
    if (this.lastId) address.searchParams.set('last_event_id', this.lastId);
    this.listen(new EventSource(address));
  }

  isCurrent(turn) {
    return !this.closed && turn === (this.turn ?? 0);
  }

  listen(source) {
    this.source = source;
    let opened = false;
    source.onopen = () => {
      opened = true;
      this.failures = 0;
      this.tried = false;
      this.tell('live');
      this.onOpen();
    };
    source.onerror = () => {
      // Its own reconnecting would carry a token that may have ended: each opening is ours.
      source.close();
      if (opened) return this.later(300 + Math.random() * 700);
      renew(this.role, this.interview);
      this.failed();
    };
    for (const name of this.names) source.addEventListener(name, (event) => this.take(name, event));
  }

  take(name, event) {
    if (event.lastEventId) this.lastId = event.lastEventId;
    document.dispatchEvent(new CustomEvent('viva:event', { detail: { id: event.lastEventId, name } }));
    if (name === 'end') {
      this.source.close();
      this.tell('over');
    }
    this.onEvent(name, event.data ? JSON.parse(event.data) : {});
  }

  failed() {
    // A finished story is answered with 204, which an EventSource can't tell from an error.
    if (this.isOver?.()) return this.tell('over');
    this.tell('lost');
    if (!navigator.onLine) return this.later(OFFLINE_RETRY_MS);
    this.failures += 1;
    if (this.failures >= FAILURES_BEFORE_POLLING) return this.pollForNow();
    this.later(FIRST_RETRY_MS * 2 ** (this.failures - 1) * (0.75 + Math.random() / 2));
  }

  later(ms) {
    const turn = this.turn ?? 0;
    this.timer = setTimeout(() => this.isCurrent(turn) && this.open(), ms);
  }

  /** Long polls until the server answers again, or for a minute; then gives the stream one more chance. */
  async pollForNow() {
    const turn = this.turn ?? 0;
    const until = performance.now() + POLL_BEFORE_RETRY_MS;
    let wait = FIRST_RETRY_MS;
    while (this.isCurrent(turn) && performance.now() < until) {
      this.abort = new AbortController();
      try {
        await this.poll(this.abort.signal);
        if (!this.isCurrent(turn)) return;
        wait = FIRST_RETRY_MS;
        if (!this.tried) break; // the server is back: so may be the stream, with all that was missed
        this.tell('polling');
        if (this.isOver?.()) return this.tell('over');
      } catch (problem) {
        if (!this.isCurrent(turn) || problem.status === 401) return;
        this.tell('lost');
        this.tried = false;
        await new Promise((resolve) => { setTimeout(resolve, wait); });
        wait = Math.min(LONGEST_RETRY_MS, wait * 2);
      }
    }
    if (!this.isCurrent(turn)) return;
    this.tried = true;
    this.failures = FAILURES_BEFORE_POLLING - 1;
    this.open();
  }
}
