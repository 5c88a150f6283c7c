/** The badge in the header that says how the connection stands. @param {import("./socket.js").PlaygroundSocket} socket */
export function showConnection(socket) {
  const badge = document.getElementById("connection");
  const text = badge.querySelector("[data-connection-text]");

  function words() {
    if (socket.state === "open") return "Connected";
    if (socket.state === "connecting") return "Connecting";
    if (socket.state === "offline") return "Offline";
    return `Reconnecting in ${Math.max(1, Math.ceil((socket.retryAt - Date.now()) / 1000))} s`;
  }

  function draw() {
    badge.hidden = false;
    badge.dataset.state = socket.state;
    text.textContent = words();
  }

  socket.addEventListener("state", draw);
  setInterval(() => socket.state === "waiting" && draw(), 1000);
  draw();
}
