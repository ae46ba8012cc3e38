// Runs in every page before its own scripts: keeps hold of what plays and connects, so that tests can measure it,
// and brings to the console what browsers only tell their developer tools.
() => {
  const report = (text) => console.error(text);
  addEventListener("securitypolicyviolation", (event) =>
    report(`Content-Security-Policy: ${event.effectiveDirective} forbids ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
  addEventListener("error", (event) => {
    const { target } = event;
    if (target instanceof Element) report(`could not load ${target.outerHTML.slice(0, 200)}`);
  }, true);
  addEventListener("unhandledrejection", (event) => report(`unhandled rejection: ${event.reason}`));
  // Not on empty pages and insecure ones.
  if (!window.RTCPeerConnection || !window.MediaDevices) return;

  // Holds on to nothing that the page lets go of: what leaks must be the page's own.
  class Seen {
    #refs = [];
    add(thing) {
      if (!this.has(thing)) this.#refs.push(new WeakRef(thing));
    }
    has(thing) {
      return this.all().includes(thing);
    }
    all() {
      this.#refs = this.#refs.filter((ref) => ref.deref());
      return this.#refs.map((ref) => ref.deref()).filter(Boolean);
    }
  }

  const connections = new Seen();
  const secrets = new WeakMap();
  const remember = (connection) => {
    if (connection.signalingState === "closed") return;
    if (!secrets.has(connection)) secrets.set(connection, new Set());
    for (const description of [connection.localDescription, connection.remoteDescription])
      for (const line of description?.sdp.match(/^a=(ice-ufrag|ice-pwd|fingerprint|candidate):.*$/gm) ?? []) secrets.get(connection).add(line.trim());
  };
  // What became of connections, for whoever wonders why a test failed. Not on the console, which keeps too much of it.
  const story = [];
  let made = 0;
  const follow = (connection) => {
    const number = (made += 1);
    for (const state of ["signalingState", "iceGatheringState", "iceConnectionState"])
      connection.addEventListener(`${state.toLowerCase()}change`, () => {
        if (story.length === 100) story.shift();
        story.push(`${Math.round(performance.now())} ms: connection ${number}, ${state} ${connection[state]}`);
      });
  };
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct(target, args) {
      const connection = new target(...args);
      connections.add(connection);
      // A closed connection has no descriptions any more.
      connection.addEventListener("signalingstatechange", () => remember(connection));
      connection.addEventListener("icegatheringstatechange", () => remember(connection));
      follow(connection);
      return connection;
    },
  });

  // The memory of the page's module, which no heap counts.
  const memories = new Seen();
  const buffer = Object.getOwnPropertyDescriptor(WebAssembly.Memory.prototype, "buffer");
  Object.defineProperty(WebAssembly.Memory.prototype, "buffer", {
    ...buffer,
    get() {
      memories.add(this);
      return buffer.get.call(this);
    },
  });

  // ---- what is captured, and copies of tracks
  const [origins, captured] = [new WeakMap(), new Seen()];
  const copied = (track, copy) => {
    origins.set(copy, origins.get(track) ?? track);
    if (captured.has(track)) captured.add(copy);
  };
  const cloneTrack = MediaStreamTrack.prototype.clone;
  MediaStreamTrack.prototype.clone = function () {
    const copy = cloneTrack.call(this);
    copied(this, copy);
    return copy;
  };
  const cloneStream = MediaStream.prototype.clone;
  MediaStream.prototype.clone = function () {
    const copy = cloneStream.call(this);
    for (const kind of ["getAudioTracks", "getVideoTracks"]) {
      const copies = copy[kind]();
      this[kind]().forEach((track, index) => copies[index] && copied(track, copies[index]));
    }
    return copy;
  };
  for (const method of ["getUserMedia", "getDisplayMedia"]) {
    const capture = MediaDevices.prototype[method];
    if (!capture) continue;
    MediaDevices.prototype[method] = async function (...args) {
      const stream = await capture.apply(this, args);
      for (const track of stream.getTracks()) captured.add(track);
      return stream;
    };
  }

  // ---- what is heard: contexts' destinations, and elements that play a stream
  const [contexts, taps] = [new Seen(), new WeakMap()];
  const tap = (context) => {
    contexts.add(context);
    if (!taps.has(context)) taps.set(context, context.createAnalyser());
    return taps.get(context);
  };
  const { connect, disconnect } = AudioNode.prototype;
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode) connect.call(this, tap(this.context));
    return connect.call(this, to, ...rest);
  };
  AudioNode.prototype.disconnect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode) disconnect.call(this, tap(this.context));
    return to === undefined ? disconnect.call(this) : disconnect.call(this, to, ...rest);
  };
  const players = new Seen();
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    players.add(this);
    return play.call(this);
  };
  addEventListener("playing", (event) => players.add(event.target), true);
  let meter;
  const meters = new WeakMap();
  const listen = (stream) => {
    const [track] = stream.getAudioTracks();
    if (!track) return null;
    if (!meters.has(track)) {
      meter ??= new AudioContext();
      const analyser = meter.createAnalyser();
      connect.call(meter.createMediaStreamSource(new MediaStream([track])), analyser);
      meters.set(track, analyser);
    }
    return meters.get(track);
  };
  const samples = new Float32Array(2048);
  const power = (analyser) => {
    analyser.getFloatTimeDomainData(samples);
    return samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  };
  const audible = () => {
    let sum = 0;
    for (const context of contexts.all()) if (context.state === "running") sum += power(taps.get(context));
    for (const player of playing()) {
      const analyser = listen(player.srcObject);
      if (analyser) sum += power(analyser) * player.volume ** 2;
    }
    return sum;
  };
  const playing = () => players.all().filter(({ muted, paused, srcObject }) => !muted && !paused && srcObject);
  // On a machine without a sound card, Firefox's Web Audio stands still and its decoders don't: they tell what its
  // media elements would play.
  const decoded = async () => {
    const energies = new Map();
    for (const connection of connections.all()) {
      if (connection.connectionState === "closed") continue;
      for (const receiver of connection.getReceivers()) {
        if (receiver.track.kind !== "audio") continue;
        for (const { type, totalAudioEnergy } of (await receiver.getStats()).values())
          if (type === "inbound-rtp") energies.set(receiver.track, totalAudioEnergy ?? 0);
      }
    }
    return energies;
  };
  const loudness = async (during, enough = Infinity) => {
    const start = performance.now();
    const elapsed = () => performance.now() - start;
    const before = await decoded();
    let [sum, count] = [0, 0];
    while (elapsed() < during && sum * 25 / during < enough) {
      sum += audible();
      count += 1;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    if (!meter || meter.state === "running") return sum / count;
    const [after, seconds] = [await decoded(), elapsed() / 1000];
    const rise = (track) => (after.get(origins.get(track) ?? track) ?? 0) - (before.get(origins.get(track) ?? track) ?? 0);
    return playing().flatMap(({ srcObject, volume }) => srcObject.getAudioTracks()
      .filter(({ enabled }) => enabled).map((track) => rise(track) / seconds * volume ** 2))
      .reduce((total, power) => total + power, 0);
  };

  // Chromium counts no energy for a stream whose element is muted, as it is where Web Audio plays it: so the energy of
  // what is received is summed up here too, from the first question on.
  const energies = new WeakMap();
  let since;
  const sum = () => {
    const now = performance.now();
    for (const connection of connections.all()) {
      for (const { track } of connection.getReceivers()) {
        if (track.kind !== "audio" || track.readyState !== "live") continue;
        const analyser = listen(new MediaStream([track]));
        energies.set(track, (energies.get(track) ?? 0) + power(analyser) * (now - since) / 1000);
      }
    }
    since = now;
  };
  const start = () => {
    if (since !== undefined) return;
    since = performance.now();
    setInterval(sum, 50);
  };
  const energyOf = (connection) =>
    connection.getReceivers().reduce((total, { track }) => total + (energies.get(track) ?? 0), 0);

  const describe = async (connection) => {
    start();
    const report = await connection.getStats();
    const stats = [...report.values()];
    const inbound = stats.filter(({ type }) => type === "inbound-rtp").map((stream) => ({
      kind: stream.kind, energy: stream.totalAudioEnergy ?? 0, frames: stream.framesDecoded ?? 0, packets: stream.packetsReceived ?? 0,
    }));
    const outbound = stats.filter(({ type }) => type === "outbound-rtp").map((stream) => ({
      kind: stream.kind, frames: stream.framesEncoded ?? 0, packets: stream.packetsSent ?? 0,
    }));
    const selected = stats.find(({ type }) => type === "transport")?.selectedCandidatePairId;
    const pair = report.get(selected) ?? stats.find(({ type, selected, nominated, state }) =>
      type === "candidate-pair" && state === "succeeded" && (selected || nominated));
    return {
      state: connection.connectionState,
      energy: energyOf(connection),
      inbound,
      outbound,
      pair: pair ? [report.get(pair.localCandidateId)?.candidateType, report.get(pair.remoteCandidateId)?.candidateType] : null,
    };
  };

  Object.defineProperty(window, "__test", {
    value: {
      get connections() {
        return connections.all();
      },
      story,
      // Bytes that the page's module has for itself.
      memory: () => memories.all().reduce((total, memory) => total + buffer.get.call(memory).byteLength, 0),
      // Kinds of tracks that keep a device busy.
      capturing: () => captured.all().filter(({ readyState }) => readyState === "live").map(({ kind }) => kind),
      stats: () => Promise.all(connections.all().filter(({ connectionState }) => connectionState !== "closed").map(describe)),
      // The mean power of what is heard during so many milliseconds; less of them once that is clearly enough.
      loudness,
      // What must stay between the two ends of each connection.
      secrets: () => {
        connections.all().forEach(remember);
        return [...new Set(connections.all().flatMap((connection) => [...secrets.get(connection) ?? []]))];
      },
    },
  });
}
