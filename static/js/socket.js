/**
 * One WebSocket for all runs of a page. A lost connection changes nothing for a run: the socket reconnects and resumes
 * each unfinished run from the last event it has seen, so that nothing is missed and nothing comes twice.
 *
 * @typedef {{pane: number, seq: number, kind: string}} PaneEvent
 * @typedef {{started: (frame: object) => void, event: (frame: PaneEvent) => void, refused: (frame: object) => void}} Listener
 * @typedef {object} Tracked
 * @property {string} id
 * @property {object|null} order       the start message; null for a run that was only resumed
 * @property {Listener} listener
 * @property {boolean} sent            whether the order has left this page
 * @property {boolean} acknowledged    whether the server has said `started`
 * @property {Map<number, number>} cursors  last seq by pane
 * @property {Set<number>|null} open   panes that have not ended; null until known
 * @property {Set<number|null>} stops  panes asked to stop; null is all of them
 */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
const PING_EVERY = 20_000;
const PONG_WITHIN = 6_000;
const CONNECT_WITHIN = 10_000;

export class PlaygroundSocket extends EventTarget {
  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    /** @type {Map<string, Tracked>} */
    this.runs = new Map();
    /** @type {WebSocket|null} */
    this.socket = null;
    this.state = "connecting";
    this.attempts = 0;
    this.retryAt = 0;
    window.addEventListener("online", () => this.wake());
    window.addEventListener("offline", () => this.wake());
    window.addEventListener("pageshow", (event) => event.persisted && this.wake());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.wake());
    setInterval(() => this.probe(), PING_EVERY);
    this.connect();
  }

  /** Starts a run. Repeating it after a lost connection is safe: the id makes it idempotent.
   * @param {object} order the start message's fields but `type` @param {Listener} listener */
  start(order, listener) {
    const run = this.track(order.id, { type: "start", ...order }, listener);
    if (this.isOpen) this.sendOrder(run);
  }

  /** Follows a run that was started earlier, from its beginning. @param {string} id @param {Listener} listener */
  resume(id, listener) {
    const run = this.track(id, null, listener);
    if (this.isOpen) this.sendOrder(run);
  }

  /** Asks for one pane, or all of a run, to end. Returns false when the run never left this page: it is forgotten then.
   * @param {string} id @param {number|null} pane */
  stop(id, pane = null) {
    const run = this.runs.get(id);
    if (!run) return true;
    if (run.order && !run.sent) {
      this.runs.delete(id);
      return false;
    }
    run.stops.add(pane);
    if (this.isOpen) this.sendStop(run, pane);
    return true;
  }

  /** No longer listens to a run; the run itself goes on. @param {string} id */
  forget(id) {
    this.runs.delete(id);
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  track(id, order, listener) {
    const run = { id, order, listener, sent: false, acknowledged: false, cursors: new Map(), open: null, stops: new Set() };
    this.runs.set(id, run);
    return run;
  }

  // Connecting

  connect() {
    clearTimeout(this.timer);
    this.drop();
    this.setState("connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.timer = setTimeout(() => this.lost(socket), CONNECT_WITHIN);
    socket.addEventListener("open", () => socket === this.socket && this.opened());
    socket.addEventListener("message", (message) => socket === this.socket && this.received(message.data));
    socket.addEventListener("close", () => this.lost(socket));
  }

  opened() {
    clearTimeout(this.timer);
    this.attempts = 0;
    this.setState("open");
    for (const run of [...this.runs.values()]) {
      this.sendOrder(run);
      for (const pane of run.stops) this.sendStop(run, pane);
    }
  }

  /** The connection is gone (or as good as gone): tries again after a delay that grows, with jitter. */
  lost(socket) {
    if (socket !== this.socket) return;
    this.drop();
    const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.attempts);
    const delay = FIRST_DELAY / 2 + Math.random() * (ceiling - FIRST_DELAY / 2);
    this.attempts += 1;
    this.retryAt = Date.now() + delay;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), delay);
    this.setState(navigator.onLine ? "waiting" : "offline");
  }

  /** Lets go of the current socket without waiting for a close handshake that a dead line never finishes. */
  drop() {
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.pongTimer);
    this.pongTimer = null;
    socket?.close();
  }

  /** Something has changed (network, tab): reconnects at once, or checks that the connection still lives. */
  wake() {
    if (this.isOpen) this.probe();
    else if (this.state !== "connecting") {
      this.attempts = 0;
      this.connect();
    }
  }

  probe() {
    if (!this.isOpen || this.pongTimer) return;
    const socket = this.socket;
    this.send({ type: "ping" });
    this.pongTimer = setTimeout(() => this.lost(socket), PONG_WITHIN);
  }

  setState(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  // Talking

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  sendOrder(run) {
    run.sent = true;
    if (run.order && !run.acknowledged) this.send(run.order);
    else this.send({ type: "resume", id: run.id, cursors: Object.fromEntries(run.cursors) });
  }

  sendStop(run, pane) {
    this.send(pane === null ? { type: "stop", id: run.id } : { type: "stop", id: run.id, pane });
  }

  received(data) {
    clearTimeout(this.pongTimer); // any word from the server is a sign of life
    this.pongTimer = null;
    const frame = JSON.parse(data);
    if (frame.type === "error" && frame.id === null) {
      this.dispatchEvent(new CustomEvent("refused", { detail: frame }));
      return;
    }
    const run = this.runs.get(frame.id);
    if (!run) return;
    if (frame.type === "started") this.receivedStarted(run, frame);
    else if (frame.type === "event") this.receivedEvent(run, frame);
    else if (frame.type === "error") run.listener.refused(frame);
  }

  receivedStarted(run, frame) {
    run.acknowledged = true;
    run.open ??= new Set(frame.panes.map((pane) => pane.pane));
    run.listener.started(frame);
  }

  receivedEvent(run, frame) {
    if (frame.seq <= (run.cursors.get(frame.pane) ?? 0)) return;
    run.cursors.set(frame.pane, frame.seq);
    if (frame.kind === "done" || frame.kind === "error") {
      run.open?.delete(frame.pane);
      if (run.open?.size === 0) this.runs.delete(run.id);
    }
    run.listener.event(frame);
  }
}
