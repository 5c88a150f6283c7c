/** The catalogue: filters through htmx with clean addresses, counts said to screen readers, the roller coaster. */

import { announce } from "./announce.js";
import { buildRide } from "./ride.js";

const form = document.getElementById("filters");

// An empty filter is no filter: it has no place in the address.
form.addEventListener("htmx:configRequest", (event) => {
  const { parameters } = event.detail;
  for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
});
document.getElementById("results").addEventListener("htmx:afterSettle", () => {
  announce(document.querySelector("[data-results-count]").textContent.trim());
});

const problem = document.querySelector("[data-filter-error]");
function complain(sentence) {
  problem.textContent = sentence;
  problem.hidden = sentence === "";
}
form.addEventListener("htmx:sendError", () => complain("The server cannot be reached. The list below is the last one it gave."));
form.addEventListener("htmx:responseError", () => complain("The server could not make this list. The one below is the last it gave."));
form.addEventListener("htmx:afterOnLoad", () => complain(""));

const ride = document.querySelector("[data-ride]");
if (ride) buildRide(ride);
