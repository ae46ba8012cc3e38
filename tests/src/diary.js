// Keeps account in the page of what its tiles say, whom it hears and what is said, each tenth of a second: asking from outside would
// take longer than what is measured. Times are the machine's, so that accounts can be held beside each other. With `only`, whom the page is
// not connected to yet does not count.
([others, only]) => {
  const PAUSE = 100, SILENT = 250, HEARD = 1000;
  // Opus, which says nothing where there is nothing to be said, has a packet in so many milliseconds all the same. And a page that does nothing
  // for this long is no page that one could use.
  const PACKET = 400, USELESS = 3000;
  const voices = new Map(), chosen = only && [...__test.connections];
  const diary = { since: Date.now(), states: [], gaps: [], heard: Date.now(), looked: Date.now(), said: [], others };
  let shown = {};

  const look = () => {
    const now = Date.now(), seen = {};
    for (const tile of document.querySelectorAll('[role=group][data-kind=person][data-state]')) seen[tile.getAttribute("aria-label")] = tile.dataset.state;
    if (document.querySelector(".banner__text")?.innerText.startsWith("The server is out of reach.")) seen[""] = "away";
    for (const name of new Set([...Object.keys(seen), ...Object.keys(shown)]))
      if (seen[name] !== shown[name]) diary.states.push([now, name, seen[name] ?? "gone"]);
    shown = seen;
  };

  // Packets, as Web Audio and its loudness would have to be waited for.
  const hear = async () => {
    await Promise.all((chosen || __test.connections).map(async (connection) => {
      const tally = { packets: 0, lost: 0, samples: 0, concealed: 0, silent: 0 };
      for (const receiver of connection.getReceivers()) {
        if (receiver.track.kind !== "audio") continue;
        for (const stream of (await receiver.getStats()).values()) {
          if (stream.type !== "inbound-rtp") continue;
          tally.packets += stream.packetsReceived ?? 0;
          tally.lost += stream.packetsLost ?? 0;
          tally.samples += stream.totalSamplesReceived ?? 0;
          tally.concealed += stream.concealedSamples ?? 0;
          tally.silent += stream.silentConcealedSamples ?? 0;
        }
      }
      const now = Date.now();
      const voice = voices.get(connection) ?? { since: null, at: null, tally: { packets: 0, lost: 0 } };
      voices.set(connection, voice);
      voice.came = tally.packets - voice.tally.packets;
      voice.lacks = tally.lost > voice.tally.lost;
      if (voice.came > 0) {
        voice.since ??= now;
        voice.at = now;
      }
      // Of a closed connection the last is kept.
      if (voice.came >= 0) voice.tally = tally;
    }));
    const voice = [...voices.values()].filter(({ at }) => at).sort((a, b) => b.at - a.at)[diary.others - 1];
    const now = Date.now(), busy = now - diary.looked;
    if (voice?.at > diary.heard) {
      // What came while the page was too busy to look was heard, if nothing is lacking of it and it is as much as comes of sound.
      const heard = busy > SILENT && busy < USELESS && !voice.lacks && voice.came * PACKET >= busy;
      const until = heard ? diary.looked : voice.at;
      if (until - diary.heard > SILENT) diary.gaps.push([diary.heard, until]);
      diary.heard = voice.at;
    }
    diary.looked = now;
  };

  // One look after the other, whoever asks for it.
  let last = Promise.resolve();
  const listen = () => (last = last.then(hear));

  const keep = async () => {
    const since = performance.now();
    look();
    await listen();
    setTimeout(keep, Math.max(0, PAUSE - (performance.now() - since)));
  };
  keep();

  let speaking;
  window.__diary = {
    // How many voices are to be heard from now on, for it not to be called silence.
    hears: (others) => void (diary.others = others),
    // Says something each second, as hands would.
    speaks: (name) => {
      const say = () => {
        const field = document.querySelector('textarea[aria-label="Message"]');
        const words = `${name}:${diary.said.length};`;
        field.value = words;
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.form.requestSubmit();
        diary.said.push(words);
      };
      speaking = setInterval(say, 1000);
      say();
    },
    stops: () => clearInterval(speaking),
    tells: async () => {
      await listen();
      const now = Date.now();
      const sum = (name) => [...voices.values()].reduce((total, { tally }) => total + (tally[name] ?? 0), 0);
      return {
        since: diary.since,
        now,
        states: diary.states,
        gaps: [...diary.gaps, [diary.heard, now]],
        voices: [...voices.values()].map(({ since }) => since).filter(Boolean),
        fresh: [...voices.values()].filter(({ at }) => at && now - at < HEARD).length,
        connected: Object.values(shown).filter((state) => state === "connected").length,
        away: "" in shown,
        tally: Object.fromEntries(["lost", "samples", "concealed", "silent"].map((name) => [name, sum(name)])),
        said: diary.said,
        read: document.querySelector('[role=log]')?.innerText.match(/\p{L}+\d*:\d+;/gu) ?? [],
      };
    },
  };
}
