// Runs in every page before its own scripts: notes, on the page's own clock, when its files were there, when `Join` could
// be clicked, when it was, and when the first packet of sound came.
() => {
  const watch = (window.__stopwatch = { loaded: null, joinable: null, clicked: null, heard: null });
  const isJoin = (element) => element?.closest("button")?.textContent.trim() === "Join";
  const look = () => {
    const button = [...document.querySelectorAll("button")].find(isJoin);
    if (button && !button.disabled) {
      const { left, top, width, height } = button.getBoundingClientRect();
      const hit = document.elementFromPoint(left + width / 2, top + height / 2);
      // Below the fold nothing is hit; it can be scrolled to all the same.
      if (width && (isJoin(hit) || top + height / 2 > innerHeight)) {
        watch.joinable = performance.now();
        watch.loaded = Math.max(...performance.getEntries().map(({ responseEnd }) => responseEnd ?? 0));
        return;
      }
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);

  addEventListener("click", (event) => {
    if (watch.clicked !== null || !isJoin(event.target)) return;
    watch.clicked = event.timeStamp;
    listen().catch(console.error);
  }, true);

  // Browsers keep statistics for 50 ms, but say when the last packet came; before that they came every 20 ms.
  const listen = async () => {
    for (;;) {
      for (const connection of window.__test?.connections ?? []) {
        for (const { type, kind, packetsReceived, lastPacketReceivedTimestamp } of (await connection.getStats()).values()) {
          if (type !== "inbound-rtp" || kind !== "audio" || !packetsReceived) continue;
          watch.seen = performance.now();
          watch.packets = packetsReceived;
          watch.heard = lastPacketReceivedTimestamp - performance.timeOrigin - 20 * (packetsReceived - 1);
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
}
