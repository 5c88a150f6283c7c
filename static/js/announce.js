/** Says one short sentence to screen readers, politely. Streams are never read out; their beginnings and ends are.
 * @param {string} sentence */
export function announce(sentence) {
  const region = document.getElementById("announcer");
  const line = document.createElement("p");
  line.textContent = sentence;
  region.append(line);
  while (region.childElementCount > 4) region.firstElementChild.remove();
}
