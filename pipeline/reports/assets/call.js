
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
    const texts = turns.map((turn) => turn.querySelector("p").textContent.toLowerCase());
    const found = document.getElementById("found");
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      let shown = 0;
      turns.forEach((turn, index) => {
        const hit = texts[index].includes(wanted);
        turn.hidden = !hit;
        if (hit) shown += 1;
        for (const word of turn.querySelectorAll("p > span")) {
          const marked = wanted && hit && word.textContent.toLowerCase().includes(wanted);
          word.classList.toggle("hit", Boolean(marked));
        }
      });
      found.textContent = wanted ? found.dataset.template.replace("#", String(shown)) : "";
    });
  }
})();
