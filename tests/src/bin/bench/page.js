// The least that meets: a lobby with a level meter, then one connection to each member inside. The newcomer offers.
// Nothing is sealed, negotiated again, mended or explained.
"use strict";
const byId = (id) => document.getElementById(id);
const me = crypto.randomUUID();
const links = new Map();
const asked = new Map();
let inside = false;
let last = 0;

// ---- the relay
const socket = new WebSocket(location.origin.replace("http", "ws") + location.pathname.replace("/r/", "/ws/"), "klatch.v1");
const opened = new Promise((resolve) => socket.addEventListener("open", resolve));
const ask = async (verb, fields = {}) => {
  await opened;
  const id = ++last;
  socket.send(JSON.stringify({ id, verb, ...fields }));
  return new Promise((resolve) => asked.set(id, resolve));
};
socket.addEventListener("message", ({ data }) => {
  const frame = JSON.parse(data);
  if (!frame.event) {
    asked.get(frame.id)?.(frame.ok);
    asked.delete(frame.id);
  } else if (inside) {
    hear(frame).catch(console.error);
  }
});

// ---- the microphone
const microphone = navigator.mediaDevices.getUserMedia({ audio: true });
microphone.then((stream) => {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const draw = () => {
    if (inside) return context.close();
    analyser.getFloatTimeDomainData(samples);
    byId("level").value = Math.max(...samples);
    requestAnimationFrame(draw);
  };
  draw();
}, console.error);

// ---- members
const link = async (member) => {
  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  links.set(member, connection);
  connection.addEventListener("icecandidate", ({ candidate }) =>
    candidate && ask("candidate", { to: member, body: JSON.stringify(candidate) }));
  connection.addEventListener("track", ({ streams: [stream] }) => {
    const player = document.createElement("audio");
    player.autoplay = true;
    player.srcObject = stream;
    byId("others").append(player);
  });
  const stream = await microphone;
  for (const track of stream.getTracks()) connection.addTrack(track, stream);
  return connection;
};
const describe = async (connection, verb, to) => {
  await connection.setLocalDescription();
  await ask(verb, { to, body: JSON.stringify(connection.localDescription) });
};
const waiting = new Map();
const hear = ({ event, from, body }) => {
  // One after the other for each member: candidates must not overtake their description.
  const turn = (waiting.get(from) ?? Promise.resolve()).then(async () => {
    const heard = JSON.parse(body);
    if (event === "candidate") return links.get(from)?.addIceCandidate(heard);
    const connection = links.get(from) ?? (await link(from));
    await connection.setRemoteDescription(heard);
    if (event === "offer") describe(connection, "answer", from);
  });
  waiting.set(from, turn);
  return turn;
};

// ---- the lobby
ask("peek").then(({ present }) => (byId("inside").textContent = `${present} inside`));
byId("lobby").addEventListener("submit", async (event) => {
  event.preventDefault();
  inside = true;
  byId("lobby").hidden = true;
  const { members } = await ask("join", { member: me });
  document.title = "Inside";
  for (const member of members) describe(await link(member), "offer", member);
});
byId("join").disabled = false;
