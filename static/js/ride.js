/** Lays a roller-coaster track over the supports of `catalogue/_ride.html` and sends a train along it, once. */

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, GROUND, TALLEST, MARGIN] = [1000, 320, 280, 30];
const CARS = 4;
const CAR_SPACING = 17;
const RIDE_MS = 9000;

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** A smooth line through the points that never overshoots them (monotone between neighbours). */
function track(points) {
  const parts = [`M${points[0].x},${points[0].y}`];
  for (let index = 1; index < points.length; index += 1) {
    const [from, to] = [points[index - 1], points[index]];
    const middle = (from.x + to.x) / 2;
    parts.push(`C${middle},${from.y} ${middle},${to.y} ${to.x},${to.y}`);
  }
  return parts.join(" ");
}

/** @param {HTMLElement} figure */
export function buildRide(figure) {
  const drawing = figure.querySelector("svg");
  const supports = [...figure.querySelectorAll("[data-lift]")];
  const step = (WIDTH - 2 * MARGIN) / (supports.length - 1);
  const points = supports.map((support, index) => {
    const x = MARGIN + index * step;
    const y = GROUND - 14 - (Math.max(0, Number(support.dataset.lift)) / 1000) * TALLEST;
    support.append(
      element("line", { x1: x, x2: x, y1: y, y2: GROUND }),
      element("rect", { class: "ride__hit", x: x - step / 2, width: step, y: y - 14, height: GROUND - y + 14 }),
      element("circle", { cx: x, cy: y, r: 4.5 }),
    );
    return { x, y };
  });
  const ends = [{ x: -12, y: GROUND - 8 }, ...points, { x: WIDTH + 12, y: GROUND - 8 }];
  const line = element("path", { class: "ride__track", d: track(ends) });
  drawing.insertBefore(line, drawing.querySelector(".ride__supports"));
  sendTrain(drawing, line);
}

function sendTrain(drawing, line) {
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const length = line.getTotalLength();
  const cars = Array.from({ length: CARS }, () => element("rect", { class: "ride__car", x: -8, y: -13, width: 15, height: 9, rx: 3 }));
  drawing.append(...cars);
  let began = null;

  function move(now) {
    began ??= now;
    const share = (now - began) / RIDE_MS;
    const head = share * (length + CARS * CAR_SPACING);
    cars.forEach((car, index) => {
      const at = Math.min(length, Math.max(0, head - index * CAR_SPACING));
      const here = line.getPointAtLength(at);
      const ahead = line.getPointAtLength(Math.min(length, at + 2));
      const slope = (Math.atan2(ahead.y - here.y, ahead.x - here.x) * 180) / Math.PI;
      car.setAttribute("transform", `translate(${here.x} ${here.y}) rotate(${slope})`);
    });
    if (share < 1) requestAnimationFrame(move);
    else for (const car of cars) car.remove();
  }
  requestAnimationFrame(move);
}
