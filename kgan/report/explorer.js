"use strict";
{
  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const floats = (text) => new Float32Array(bytesOf(text));

  // Operations: functions of (image, operation) -> image, an image being {data, shape}, channels last.
  const each = (image, apply) => ({ data: image.data.map(apply), shape: image.shape });
  const SELU = [1.6732632423543772, 1.0507009873554805];
  const OPERATIONS = {
    dense: (image, { weights: { kernel, scale, bias }, outputs }) => {
      const inputs = image.shape.at(-1);
      const rows = image.data.length / inputs;
      const sums = new Float32Array(rows * outputs);
      for (let r = 0; r < rows; r++) {
        accumulate(sums, r * outputs, image.data, r * inputs, inputs, kernel, 0, outputs);
      }
      return finish(sums, [...image.shape.slice(0, -1), outputs], scale, bias);
    },
    conv: (image, { weights: { kernel, scale, bias }, outputs, kernel: size, strides, same }) => {
      const [height, width, inputs] = image.shape;
      const [rows, top] = along(height, size[0], strides[0], same);
      const [columns, left] = along(width, size[1], strides[1], same);
      const sums = new Float32Array(rows * columns * outputs);
      for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) for (let i = 0; i < size[0]; i++) {
        const row = y * strides[0] + i - top;
        if (row < 0 || row >= height) continue;
        for (let j = 0; j < size[1]; j++) {
          const column = x * strides[1] + j - left;
          if (column < 0 || column >= width) continue;
          accumulate(sums, (y * columns + x) * outputs, image.data, (row * width + column) * inputs, inputs,
            kernel, (i * size[1] + j) * inputs * outputs, outputs);
        }
      }
      return finish(sums, [rows, columns, outputs], scale, bias);
    },
    transposed: (image, { weights: { kernel, scale, bias }, outputs, kernel: size, strides, same }) => {
      const [height, width, inputs] = image.shape;
      const [rows, top] = backwards(height, size[0], strides[0], same);
      const [columns, left] = backwards(width, size[1], strides[1], same);
      const sums = new Float32Array(rows * columns * outputs);
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let i = 0; i < size[0]; i++) {
        const row = y * strides[0] + i - top;
        if (row < 0 || row >= rows) continue;
        for (let j = 0; j < size[1]; j++) {
          const column = x * strides[1] + j - left;
          if (column < 0 || column >= columns) continue;
          accumulate(sums, (row * columns + column) * outputs, image.data, (y * width + x) * inputs, inputs,
            kernel, (i * size[1] + j) * inputs * outputs, outputs);
        }
      }
      return finish(sums, [rows, columns, outputs], scale, bias);
    },
    affine: (image, { weights: { factor, offset } }) =>
      each(image, (value, k) => value * factor[k % factor.length] + offset[k % offset.length]),
    reshape: (image, { shape }) => ({ data: image.data, shape }),
    upsample: (image, { size }) => {
      const [height, width, channels] = image.shape;
      const shape = [height * size[0], width * size[1], channels];
      const data = new Float32Array(shape[0] * shape[1] * channels);
      for (let y = 0, k = 0; y < shape[0]; y++) for (let x = 0; x < shape[1]; x++) {
        const from = (Math.floor(y / size[0]) * width + Math.floor(x / size[1])) * channels;
        for (let c = 0; c < channels; c++) data[k++] = image.data[from + c];
      }
      return { data, shape };
    },
    relu: (image) => each(image, (value) => Math.max(0, value)),
    leaky_relu: (image, { slope }) => each(image, (value) => (value > 0 ? value : slope * value)),
    elu: (image, { alpha }) => each(image, (value) => (value > 0 ? value : alpha * Math.expm1(value))),
    selu: (image) => each(image, (value) => SELU[1] * (value > 0 ? value : SELU[0] * Math.expm1(value))),
    sigmoid: (image) => each(image, (value) => 1 / (1 + Math.exp(-value))),
    tanh: (image) => each(image, Math.tanh),
    silu: (image) => each(image, (value) => value / (1 + Math.exp(-value))),
    softplus: (image) => each(image, (value) => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)))),
  };

  // sums += inputs · kernel, the kernel being rows of so many outputs. An input of 0 costs nothing; four
  // others at a time, for each sum is then read and written a quarter as often.
  const rows = new Int32Array(4);
  const values = new Float32Array(4);
  const accumulate = (sums, at, data, from, inputs, kernel, first, outputs) => {
    if (outputs === 1) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += data[from + i] * kernel[first + i];
      sums[at] += sum;
      return;
    }
    let found = 0;
    for (let i = 0; i < inputs; i++) {
      if (data[from + i] !== 0) {
        values[found] = data[from + i];
        rows[found++] = first + i * outputs;
      }
      if (found < 4 && i < inputs - 1) continue;
      if (found === 0) break;
      values.fill(0, found);
      rows.fill(rows[0], found);
      const a = values[0], b = values[1], c = values[2], d = values[3];
      const p = rows[0], q = rows[1], r = rows[2], s = rows[3];
      for (let k = 0; k < outputs; k++) {
        sums[at + k] += a * kernel[p + k] + b * kernel[q + k] + c * kernel[r + k] + d * kernel[s + k];
      }
      found = 0;
    }
  };
  const finish = (sums, shape, scale, bias) => {
    const outputs = scale.length;
    for (let at = 0; at < sums.length; at += outputs) {
      for (let k = 0; k < outputs; k++) sums[at + k] = sums[at + k] * scale[k] + bias[k];
    }
    return { data: sums, shape };
  };
  // Outputs of a convolution along an axis, and the padding before it, as TensorFlow counts both.
  const along = (length, kernel, stride, same) => {
    if (!same) return [Math.floor((length - kernel) / stride) + 1, 0];
    const outputs = Math.ceil(length / stride);
    return [outputs, Math.floor(Math.max(0, (outputs - 1) * stride + kernel - length) / 2)];
  };
  const backwards = (length, kernel, stride, same) =>
    same
      ? [length * stride, Math.floor(Math.max(0, kernel - stride) / 2)]
      : [length * stride + Math.max(0, kernel - stride), 0];

  const unpack = ({ operations, bits }) => {
    const Integers = bits === 8 ? Int8Array : Int16Array;
    return operations.map((operation) => {
      if (!operation.weights) return operation;
      const weights = Object.entries(operation.weights).map(([name, text]) => [
        name,
        name === "kernel" ? new Integers(bytesOf(text)) : floats(text),
      ]);
      return { ...operation, weights: Object.fromEntries(weights) };
    });
  };

  // Uniform numbers of a seed (mulberry32), and normal ones by Box and Muller (1958).
  const uniform = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let bits = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
  };
  const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const slerp = (begin, end, weight) => {
    const product = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);
    const cosine = product(begin, end) / Math.sqrt(product(begin, begin) * product(end, end));
    const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
    const sine = Math.sin(angle);
    if (!(sine > 1e-4)) return begin.map((value, k) => (1 - weight) * value + weight * end[k]);
    const [a, b] = [Math.sin((1 - weight) * angle) / sine, Math.sin(weight * angle) / sine];
    return begin.map((value, k) => a * value + b * end[k]);
  };

  const pixels = (data, [height, width, channels]) => {
    const picture = new ImageData(width, height);
    for (let k = 0; k < width * height; k++) {
      for (let c = 0; c < 3; c++) picture.data[4 * k + c] = Math.round((data[k * channels + (c % channels)] + 1) * 127.5);
      picture.data[4 * k + 3] = 255;
    }
    return picture;
  };

  const CELLS = 7; // of the map, along a side
  const start = (part) => {
    const values = JSON.parse(part.querySelector("script").textContent);
    const operations = unpack(values);
    const [height, width] = values.image_shape;
    const [map, place, directions, seed] = [".map", "#explorer-place output", ".directions", ".seed"].map((name) =>
      part.querySelector(name));
    const [chart, here, view] = [map.querySelector("canvas"), map.querySelector(".here"), part.querySelector(".image")];
    const state = { x: 0.5, y: 0.5, corners: [], along: values.directions.map(() => 0), cell: 0 };
    chart.width = CELLS * width;
    chart.height = CELLS * height;
    view.width = width;
    view.height = height;

    const generate = (latent) => {
      const first = { data: Float32Array.from(latent), shape: [latent.length] };
      return operations.reduce((image, operation) => OPERATIONS[operation.op](image, operation), first).data;
    };
    // Latents go along the great arc, the one-hot of a class behind them along the straight line.
    const between = (a, b, w) => [
      ...slerp(a.slice(0, values.latent_dim), b.slice(0, values.latent_dim), w),
      ...a.slice(values.latent_dim).map((value, k) => (1 - w) * value + w * b[values.latent_dim + k]),
    ];
    const latentAt = (x, y) => {
      const [a, b, c, d] = state.corners;
      const latent = between(between(a, b, x), between(c, d, x), y);
      return latent.map((value, k) =>
        values.directions.reduce((sum, direction, n) => sum + state.along[n] * direction[k], value));
    };
    let waiting = false;
    const draw = () => {
      waiting = false;
      view.getContext("2d").putImageData(pixels(generate(latentAt(state.x, state.y)), values.image_shape), 0, 0);
      here.style.left = `${100 * state.x}%`;
      here.style.top = `${100 * state.y}%`;
      place.value = `${Math.round(100 * state.x)} % across, ${Math.round(100 * state.y)} % down.`;
    };
    const redraw = () => {
      if (!waiting) requestAnimationFrame(draw);
      waiting = true;
    };
    // The map is drawn a few images a frame, so that the page stays quick with a large generator.
    const drawMap = (run) => {
      if (run !== state.run) return;
      const context = chart.getContext("2d");
      const end = performance.now() + 8;
      while (state.cell < CELLS * CELLS && performance.now() < end) {
        const [column, row] = [state.cell % CELLS, Math.floor(state.cell / CELLS)];
        const latent = latentAt((column + 0.5) / CELLS, (row + 0.5) / CELLS);
        context.putImageData(pixels(generate(latent), values.image_shape), column * width, row * height);
        state.cell++;
      }
      if (state.cell < CELLS * CELLS) requestAnimationFrame(() => drawMap(run));
    };
    const redrawMap = () => {
      state.cell = 0;
      state.run = {};
      const { run } = state;
      requestAnimationFrame(() => drawMap(run));
    };
    const walk = (x, y) => {
      state.x = Math.max(0, Math.min(1, x));
      state.y = Math.max(0, Math.min(1, y));
      redraw();
    };
    const setCorners = (corners) => {
      state.corners = corners;
      redraw();
      redrawMap();
    };
    const drawCorners = () => {
      const random = uniform(Number(seed.value) || 0);
      setCorners([0, 1, 2, 3].map(() => {
        const latent = Array.from({ length: values.latent_dim }, () => normal(random));
        const label = Math.floor(values.num_classes * random());
        return [...latent, ...Array.from({ length: values.num_classes }, (_, k) => Number(k === label))];
      }));
    };

    const follow = (event) => {
      const { left, top, width: across, height: down } = map.getBoundingClientRect();
      walk((event.clientX - left) / across, (event.clientY - top) / down);
    };
    map.addEventListener("pointerdown", (event) => {
      map.setPointerCapture(event.pointerId);
      follow(event);
    });
    map.addEventListener("pointermove", (event) => {
      if (map.hasPointerCapture(event.pointerId)) follow(event);
    });
    const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    map.addEventListener("keydown", (event) => {
      if (!(event.key in KEYS) || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const step = event.shiftKey ? 0.01 : 0.05;
      const [x, y] = KEYS[event.key];
      walk(state.x + x * step, state.y + y * step);
    });
    values.directions.forEach((_, n) => {
      const label = document.createElement("label");
      const slider = Object.assign(document.createElement("input"), {
        type: "range", min: -6, max: 6, step: 0.1, value: 0, autocomplete: "off",
      });
      const words = document.createElement("span");
      words.textContent = `Direction ${n + 1}`;
      label.append(words, slider);
      directions.append(label);
      slider.addEventListener("input", () => {
        state.along[n] = Number(slider.value);
        redraw();
        redrawMap();
      });
    });
    seed.addEventListener("change", drawCorners);
    part.querySelector(".new").addEventListener("click", () => {
      seed.value = (Number(seed.value) % 999999) + 1;
      drawCorners();
    });
    part.querySelector(".centre").addEventListener("click", () => {
      state.along.fill(0);
      directions.querySelectorAll("input").forEach((slider) => (slider.value = 0));
      walk(0.5, 0.5);
      redrawMap();
    });
    part.generate = (latent) => Array.from(generate(latent));
    if (values.corners.length) {
      seed.value = ""; // these are of no seed
      setCorners(values.corners);
    } else drawCorners();
  };
  start(document.querySelector(".explorer"));
}
