
"use strict";
(() => {
  const audio = document.getElementById("audio");
  const timeline = document.getElementById("timeline");
  const inner = timeline.querySelector(".timeline-inner");
  const duration = Number(timeline.dataset.duration);

  const seek = (time) => {
    if (!audio) return;
    audio.currentTime = Math.max(0, time);
    audio.play().catch(() => {});
  };

  // One listener for every play button, mark, word and lane.
  document.addEventListener("click", (event) => {
    if (!audio) return;
    const target = event.target.closest("[data-t]");
    if (target) return seek(Number(target.dataset.t));
    const track = event.target.closest(".track");
    if (track) {
      const box = track.getBoundingClientRect();
      seek(((event.clientX - box.left) / box.width) * duration);
    }
  });

  // The player's waveforms stand where the drawn ones are; these stay for printing.
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawWaves = () => {
    const source = document.getElementById("wave-data");
    if (!source || !audio) return;
    const data = JSON.parse(source.textContent);
    const lane = document.querySelector(".lane-wave");
    const tone = (role) => color(["agent", "speaker_1"].includes(role) ? "--agent" : "--customer");
    const colors = () =>
      data.lanes.map(({ role }) => ({ waveColor: tone(role), progressColor: tone(role), height: 56 }));
    lane.hidden = false;
    document.body.classList.add("waved");
    const marks = WaveSurfer.Regions.create();
    const player = WaveSurfer.create({
      container: "#wave",
      media: audio,
      peaks: data.lanes.map(({ heights }) => heights.map((height) => height / 100)),
      duration,
      splitChannels: colors(),
      cursorColor: color("--focus"),
      cursorWidth: 2,
      hideScrollbar: true,
      autoScroll: false,
      dragToSeek: true,
      cspNonce: document.querySelector("style").nonce,
      plugins: [marks],
    });
    player.on("interaction", () => audio.play().catch(() => {}));
    const tint = { interruption: "--alert", tense: "--customer" };
    const region = ({ start, end, kind }) => ({
      start,
      end: Math.max(end, start + 0.2),
      color: `color-mix(in srgb, ${color(tint[kind])} ${kind === "tense" ? 14 : 34}%, transparent)`,
      drag: false,
      resize: false,
    });
    player.on("ready", () => {
      marks.clearRegions();
      for (const one of data.regions) marks.addRegion(region(one));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      player.setOptions({ splitChannels: colors(), cursorColor: color("--focus") });
    });
  };
  drawWaves();

  const turns = [...document.querySelectorAll(".turn")];
  const starts = turns.map((turn) => Number(turn.dataset.s));
  const ends = turns.map((turn) => Number(turn.dataset.e));

  if (audio) {
    document.body.classList.add("seekable");
    const heads = [...timeline.querySelectorAll(".playhead")];
    const follow = document.getElementById("follow");
    let now = null;
    const turnAt = (time) => {
      let found = null;
      for (let i = 0; i < starts.length && starts[i] <= time; i += 1) {
        if (time < ends[i] && !turns[i].classList.contains("backchannel")) found = turns[i];
      }
      return found;
    };
    const move = () => {
      timeline.classList.add("playing");
      const place = `${(100 * audio.currentTime) / duration}%`;
      for (const head of heads) {
        head.setAttribute("x1", place);
        head.setAttribute("x2", place);
      }
      const turn = turnAt(audio.currentTime);
      if (turn === now) return;
      if (now) now.classList.remove("now");
      if (turn) turn.classList.add("now");
      now = turn;
      if (turn && follow && follow.checked) turn.scrollIntoView({ block: "center" });
    };
    audio.addEventListener("timeupdate", move);
    audio.addEventListener("seeking", move);
    audio.addEventListener("error", () => {
      document.getElementById("audio-missing").hidden = false;
    });
    const speed = document.getElementById("speed");
    speed.addEventListener("change", () => {
      audio.playbackRate = Number(speed.value);
    });
  }

  // Zoom keeps the middle of what is seen in the middle.
  let zoom = 1;
  const zoomBar = document.querySelector(".zoom");
  zoomBar.hidden = false;
  zoomBar.addEventListener("click", (event) => {
    const way = event.target.dataset.zoom;
    if (!way) return;
    const middle = (timeline.scrollLeft + timeline.clientWidth / 2) / inner.clientWidth;
    zoom = way === "fit" ? 1 : Math.min(32, Math.max(1, way === "in" ? zoom * 2 : zoom / 2));
    inner.style.setProperty("width", `${100 * zoom}%`);
    timeline.scrollLeft = middle * inner.clientWidth - timeline.clientWidth / 2;
  });

  // Search hides turns without the text; words stay elements of their own, so they still play.
  const search = document.getElementById("search");
  if (search) {
    search.closest(".search").hidden = false;
    const only = [...document.querySelectorAll("[data-only]")];
    const texts = turns.map((turn) => turn.querySelector("p").textContent.toLowerCase());
    const found = document.getElementById("found");
    const select = () => {
      const wanted = search.value.trim().toLowerCase();
      const kinds = only.filter((box) => box.checked).map((box) => `has-${box.dataset.only}`);
      let shown = 0;
      turns.forEach((turn, index) => {
        const hit = texts[index].includes(wanted);
        const kept = !kinds.length || kinds.some((kind) => turn.classList.contains(kind));
        turn.hidden = !(hit && kept);
        if (hit && kept) shown += 1;
        for (const word of turn.querySelectorAll("p > span")) {
          const marked = wanted && hit && word.textContent.toLowerCase().includes(wanted);
          word.classList.toggle("hit", Boolean(marked));
        }
      });
      found.textContent = wanted || kinds.length ? found.dataset.template.replace("#", String(shown)) : "";
    };
    search.addEventListener("input", select);
    for (const box of only) box.addEventListener("change", select);
  }

  // A link from another page names a moment: report.html#t=83.5
  const moment = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
  if (moment && audio) {
    const go = () => {
      audio.currentTime = Number(moment[1]);
    };
    if (audio.readyState) go();
    else audio.addEventListener("loadedmetadata", go, { once: true });
  }
})();
