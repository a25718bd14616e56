// The page: takes a sound, sends it to the program that serves the page, shows what comes back.

import { draw, secondsAt, spans } from "./timeline.js";

const $ = id => document.getElementById(id);
const BYTES = +document.body.dataset.bytes, SECONDS = +document.body.dataset.seconds;
const PRIOR = +document.body.dataset.prior; // at which the program decides
const VERDICTS = { bonafide: "Bona fide", spoof: "Spoof", none: "No verdict" };
const ENDS = 8; // LLR at the ends of the scale
const FORMS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
let found = null, recorder = null;

const logit = p => Math.log(p / (1 - p));
const number = (value, digits = 2) => value === null ? "none" : value.toFixed(digits).replace("-", "−");

function percent(p) {
  if (p > 0.999) return "over 99.9 %";
  if (p < 0.001) return "under 0.1 %";
  return `${(100 * p).toFixed(1)} %`;
}

// P(spoof), threshold and decision at the prior that the page says.
function judge() {
  const prior = $("prior").validity.valid && $("prior").value ? $("prior").value / 100 : PRIOR;
  const known = found.llr !== null && found.threshold !== null;
  const threshold = known ? found.threshold + logit(prior) - logit(PRIOR) : null;
  const decision = !known || found.decision === "none" ? "none" : found.llr >= threshold ? "bonafide" : "spoof";
  return { prior, threshold, decision, p: known ? 1 / (1 + Math.exp(found.llr - logit(prior))) : null };
}

function list(id, lines) {
  $(id).replaceChildren(...lines.map(line => Object.assign(document.createElement("li"), { textContent: line })));
}

function times(llr) {
  const ratio = Math.exp(Math.abs(llr)), kind = llr < 0 ? "spoofed" : "bona fide";
  if (ratio < 1.5) return "To the model, the sound fits bona fide and spoofed speech about as well.";
  const size = ratio > 1000 ? "more than 1,000" : ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0);
  return `To the model, the sound fits ${kind} speech ${size} times better than ${llr < 0 ? "bona fide" : "spoofed"} speech.`;
}

function words({ prior, threshold, decision, p }) {
  if (found.score !== null) return [`The model is not calibrated: its score of this sound is ${number(found.score)}, where higher is more bona fide. It has no LLR and no P(spoof).`];
  if (found.llr === null) return ["There is no LLR: the numbers are missing for the reason above."];
  const said = [times(found.llr)];
  said.push(`Where ${+(100 * prior).toPrecision(4)} % of such sounds are spoofed, this one is with a probability of ${percent(p)}.`);
  if (decision === "none") said.push("These numbers are not to be relied on here.");
  else if (Math.abs(found.llr - threshold) < 1) said.push("The LLR is close to the threshold: the evidence is weak either way.");
  const known = found.windows.map(own => own.llr).filter(llr => llr !== null);
  if (known.length && threshold !== null) {
    const low = known.filter(llr => llr < threshold).length;
    const mixed = low && low < known.length ? " So its parts differ: look at them over time." : "";
    said.push(`${low} of ${known.length} windows are below the threshold; their LLRs reach from ${number(Math.min(...known))} to ${number(Math.max(...known))}.${mixed}`);
  }
  return said;
}

function show() {
  const own = judge();
  $("card").className = own.decision;
  $("verdict").textContent = VERDICTS[own.decision];
  $("probability").textContent = own.p === null ? "none" : percent(own.p);
  $("probability").dataset.exact = own.p;
  $("llr").textContent = number(found.llr);
  $("llr").dataset.exact = found.llr;
  $("threshold").textContent = number(own.threshold);
  $("threshold").dataset.exact = own.threshold;
  list("words", words(own));
  const place = llr => `${50 + 50 * Math.max(-1, Math.min(1, llr / ENDS))}%`;
  $("scale").hidden = own.threshold === null;
  $("mark").style.left = place(found.llr);
  $("cut").style.left = place(own.threshold);
  $("scale").setAttribute("aria-label", `LLR ${number(found.llr)} on a scale from −${ENDS}, spoof, to ${ENDS}, bona fide; the threshold is ${number(own.threshold)}`);
  const rows = spans(found).map(({ start, end, llr }) => {
    const row = document.createElement("tr");
    const decision = llr === null || own.threshold === null ? "none" : llr >= own.threshold ? "bona fide" : "spoof";
    const cells = [["th", `${start.toFixed(1)}–${end.toFixed(1)}`], ["td", number(llr)], ["td", decision]];
    row.append(...cells.map(([tag, textContent]) => Object.assign(document.createElement(tag), { textContent })));
    return row;
  });
  $("rows").replaceChildren(...rows);
  redraw();
}

function redraw() {
  if (found) draw($("timeline"), found, judge().threshold, $("player").currentTime);
}

function reveal(answer, file) {
  found = answer;
  const source = [found.name, `${number(found.seconds, 1)} s`, found.conversions].filter(part => part);
  $("source").textContent = source.join(", ");
  list("warnings", found.warnings || []);
  URL.revokeObjectURL($("player").src);
  $("player").hidden = false;
  $("player").src = URL.createObjectURL(file);
  const count = found.windows.length;
  $("pieces").hidden = !count;
  $("pieces").querySelector("summary").textContent = `The ${count} windows as a table`;
  $("legend").textContent = `Top: the LLR ${count ? "of each window" : "of the whole, which is one window"}; the dashed line is the threshold. Bottom: the spectrogram, stronger is louder.`;
  $("timeline").setAttribute("aria-label", `LLR ${count ? `of ${count} windows` : "of the whole"} over the spectrogram`);
  $("result").hidden = false;
  show();
  $("verdict").focus({ preventScroll: true });
  $("result").scrollIntoView({ block: "nearest" });
}

function say(status, error = "") {
  $("status").textContent = status;
  $("error").textContent = error;
}

function busy(on) {
  $("file").disabled = $("record").disabled = on;
  $("progress").hidden = !on;
}

async function ask(file, name) {
  if (file.size > BYTES) throw new Error(`${name}: found more than ${BYTES / 1e6} MB, wanted at most that; cut it, or compress it to FLAC or Opus`);
  const request = { method: "POST", body: file, credentials: "omit" };
  const answer = await fetch(`detect?name=${encodeURIComponent(name)}`, request).catch(() => {
    throw new Error(`${name}: cannot be sent; is the file still there, and does the program still run?`);
  });
  const said = await answer.json().catch(() => ({ error: `${name}: the program failed (${answer.status}); its terminal says why` }));
  if (said.error) throw new Error(said.error);
  return said;
}

async function detect(file, name) {
  if ($("file").disabled) return;
  busy(true);
  $("result").hidden = true;
  say(`${name} is scored …`);
  try {
    reveal(await ask(file, name), file);
    say("");
  } catch (error) {
    say("", error.message);
  }
  busy(false);
}

async function record() {
  if (recorder) return recorder.stop();
  if (!navigator.mediaDevices || !window.MediaRecorder) return say("", "This browser cannot record here; choose a file.");
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
  } catch (error) {
    return say("", `No microphone can be used (${error.name}); allow it for this page, or choose a file.`);
  }
  const mimeType = FORMS.find(form => MediaRecorder.isTypeSupported(form)), parts = [], started = Date.now();
  recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
  recorder.ondataavailable = event => parts.push(event.data);
  const clock = setInterval(() => {
    const passed = Math.floor((Date.now() - started) / 1000);
    $("record").textContent = `Stop (${passed} s)`;
    if (passed >= SECONDS - 2 && recorder) recorder.stop();
  }, 250);
  recorder.onstop = () => {
    clearInterval(clock);
    stream.getTracks().forEach(track => track.stop());
    const type = recorder.mimeType;
    recorder = null;
    $("record").textContent = "Record";
    $("record").classList.remove("on");
    $("file").disabled = false;
    detect(new Blob(parts, { type }), `recording.${/\/(\w+)/.exec(type)?.[1] || "webm"}`);
  };
  recorder.start();
  $("file").disabled = true;
  $("record").textContent = "Stop (0 s)";
  $("record").classList.add("on");
  say("Records; speak, then press Stop.");
}

$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  if (file) detect(file, file.name).then(() => { $("file").value = ""; });
});
$("record").addEventListener("click", record);
$("prior").addEventListener("input", () => found && show());
$("player").addEventListener("timeupdate", redraw);
$("player").addEventListener("error", () => { $("player").hidden = true; });
$("timeline").addEventListener("click", event => {
  $("player").currentTime = secondsAt($("timeline"), event.offsetX, found.seconds);
});
document.addEventListener("dragover", event => {
  event.preventDefault();
  $("drop").classList.add("over");
});
document.addEventListener("dragleave", () => $("drop").classList.remove("over"));
document.addEventListener("drop", event => {
  event.preventDefault();
  $("drop").classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) detect(file, file.name);
});
window.addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
