// Draws the LLR of the windows of a sound over its spectrogram, on one axis of time.

const LEFT = 44, RIGHT = 8, TOP = 22, LLR = 110, GAP = 16, BOTTOM = 24;

export function draw(canvas, found, threshold, now) {
  const width = canvas.clientWidth, height = canvas.clientHeight;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const c = canvas.getContext("2d");
  c.scale(ratio, ratio);
  c.font = "12px system-ui, sans-serif";
  const looks = getComputedStyle(document.documentElement);
  const colour = name => looks.getPropertyValue(name).trim();
  const x = seconds => LEFT + (width - LEFT - RIGHT) * seconds / found.seconds;
  const place = { c, colour, x, width, below: TOP + LLR + GAP, end: height - BOTTOM };
  spectrogram(place, found.spectrogram);
  steps(place, found, threshold);
  seconds(place, found.seconds);
  if (now > 0) line(place, [x(now), TOP], [x(now), place.end], "--ink");
}

// The seconds at a place of the canvas.
export function secondsAt(canvas, pixel, seconds) {
  const share = (pixel - LEFT) / (canvas.clientWidth - LEFT - RIGHT);
  return Math.min(Math.max(share, 0), 1) * seconds;
}

// What of the sound a window stands for: half of it is in the next.
export function spans(found) {
  const windows = found.windows.length ? found.windows : [{ start: 0, end: found.seconds, llr: found.llr }];
  return windows.map((own, n) => ({
    ...own,
    from: n ? (own.start + windows[n - 1].end) / 2 : 0,
    to: n + 1 < windows.length ? (own.end + windows[n + 1].start) / 2 : found.seconds,
  }));
}

function line({ c, colour }, [x, y], [u, v], name, dashes = []) {
  c.strokeStyle = colour(name);
  c.setLineDash(dashes);
  c.beginPath();
  c.moveTo(x, y);
  c.lineTo(u, v);
  c.stroke();
  c.setLineDash([]);
}

function text({ c, colour }, words, x, y, align = "right") {
  c.fillStyle = colour("--muted");
  c.textAlign = align;
  c.textBaseline = "middle";
  c.fillText(words, x, y);
}

function steps(place, found, threshold) {
  const { c, colour, x, width } = place, own = spans(found).filter(span => span.llr !== null);
  const values = [...own.map(span => span.llr), threshold ?? 0, 0];
  const low = Math.min(...values) - 0.5, high = Math.max(...values) + 0.5;
  const y = value => TOP + LLR * (high - value) / (high - low);
  const step = [0.5, 1, 2, 5, 10, 20, 50, 100, 1e9].find(size => (high - low) / size <= 5);
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) {
    line(place, [LEFT, y(tick)], [width - RIGHT, y(tick)], "--line");
    text(place, `${+tick.toFixed(1)}`.replace("-", "−"), LEFT - 6, y(tick));
  }
  if (threshold !== null) line(place, [LEFT, y(threshold)], [width - RIGHT, y(threshold)], "--ink", [5, 4]);
  c.lineWidth = 3;
  for (const span of own) {
    const name = span.llr >= threshold ? "--bonafide" : "--spoof";
    line(place, [x(span.from) + 1, y(span.llr)], [x(span.to) - 1, y(span.llr)], name);
  }
  c.lineWidth = 1;
  text(place, "LLR", LEFT - 6, 8);
}

function spectrogram({ c, colour, x, width, below, end, ...rest }, picture) {
  const { rows, columns, top } = picture;
  const cells = Uint8Array.from(atob(picture.cells), letter => letter.charCodeAt(0));
  const shades = ramp(["--card", "--bonafide", "--deep"].map(colour));
  const image = new ImageData(columns, rows);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const shade = 4 * cells[row * columns + column];
      image.data.set(shades.subarray(shade, shade + 4), 4 * ((rows - 1 - row) * columns + column));
    }
  }
  const whole = new OffscreenCanvas(columns, rows);
  whole.getContext("2d").putImageData(image, 0, 0);
  c.drawImage(whole, LEFT, below, width - LEFT - RIGHT, end - below);
  c.strokeStyle = colour("--line");
  c.strokeRect(LEFT + 0.5, below + 0.5, width - LEFT - RIGHT - 1, end - below - 1);
  for (let hertz = 0; hertz <= top; hertz += 2000) {
    const y = end - (end - below) * hertz / top;
    text({ c, colour }, hertz === top ? `${hertz / 1000} kHz` : `${hertz / 1000}`, LEFT - 6, y);
  }
}

// 256 colours, from that of silence to that of the loudest.
function ramp(colours) {
  const c = new OffscreenCanvas(256, 1).getContext("2d");
  const gradient = c.createLinearGradient(0, 0, 256, 0);
  colours.forEach((own, n) => gradient.addColorStop(n / (colours.length - 1), own));
  c.fillStyle = gradient;
  c.fillRect(0, 0, 256, 1);
  return c.getImageData(0, 0, 256, 1).data;
}

function seconds(place, whole) {
  const most = Math.max(2, Math.floor((place.width - LEFT) / 70));
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120].find(size => whole / size <= most) || 300;
  for (let tick = 0; tick <= whole * 0.97; tick += step) {
    text(place, `${+tick.toFixed(1)}${tick ? "" : " s"}`, place.x(tick), place.end + 12, tick ? "center" : "left");
  }
}
