"use strict";
{
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
  const dataOf = (part) => JSON.parse(part.querySelector("script").textContent);

  // A slider through pictures. Playing is never started by itself, and goes slowly where motion is unwelcome.
  const startPlayer = (part) => {
    const { labels, uris } = dataOf(part);
    const [image, slider, output, button] = ["img", "input", "output", "button"].map((tag) => part.querySelector(tag));
    let timer = null;
    const show = (k) => {
      slider.value = k;
      image.src = uris[k];
      image.alt = `${part.dataset.alt}, ${labels[k]}`;
      output.value = labels[k];
      slider.setAttribute("aria-valuetext", labels[k]);
    };
    const pause = () => {
      clearInterval(timer);
      timer = null;
      button.textContent = "Play";
      button.setAttribute("aria-pressed", "false");
    };
    const next = () => {
      const k = Number(slider.value) + 1;
      show(k);
      if (k === uris.length - 1) pause();
    };
    const play = () => {
      if (Number(slider.value) === uris.length - 1) show(0);
      timer = setInterval(next, reducedMotion.matches ? 1500 : Math.max(80, Math.min(500, 8000 / uris.length)));
      button.textContent = "Pause";
      button.setAttribute("aria-pressed", "true");
    };
    slider.addEventListener("input", () => {
      pause();
      show(Number(slider.value));
    });
    button.addEventListener("click", () => (timer === null ? play() : pause()));
    button.hidden = uris.length < 2;
    show(uris.length - 1);
  };

  // A slider through the frames of a strip, with how sure the classifier is of both ends.
  const startStrip = (part) => {
    const frames = dataOf(part);
    const [frame, slider, output] = [".frame", "input", "output"].map((name) => part.querySelector(name));
    const bars = [...part.querySelectorAll(".bar")];
    const show = (k) => {
      const [taken, ...confidence] = frames[k];
      const words = `Image ${k + 1} of ${frames.length}, taken for a ${taken}`;
      frame.style.backgroundPosition = `${frames.length > 1 ? (100 * k) / (frames.length - 1) : 0}% 0`;
      frame.setAttribute("aria-label", words);
      slider.setAttribute("aria-valuetext", words);
      output.value = words;
      bars.forEach((bar, end) => {
        bar.querySelector(".fill").style.width = `${100 * confidence[end]}%`;
        bar.querySelector(".value").textContent = `${(100 * confidence[end]).toFixed(1)} %`;
      });
    };
    slider.addEventListener("input", () => show(Number(slider.value)));
    show(0);
  };

  document.querySelectorAll(".player").forEach(startPlayer);
  document.querySelectorAll(".strip").forEach(startStrip);
}
