// Arrow keys on the map: each group is one stop of the Tab key, and its squares are reached from there.
const BACK = { ArrowLeft: -1, ArrowUp: -1 };

function columns(squares) {
  const top = squares[0].offsetTop;
  let count = 1;
  while (count < squares.length && squares[count].offsetTop === top) count += 1;
  return count;
}

function target(event, squares, from) {
  if (event.key === "Home") return 0;
  if (event.key === "End") return squares.length - 1;
  const step = event.key === "ArrowUp" || event.key === "ArrowDown" ? columns(squares) : 1;
  return from + step * (BACK[event.key] ?? 1);
}

for (const map of document.querySelectorAll(".map")) {
  const squares = map.children;
  for (let place = 1; place < squares.length; place += 1) squares[place].tabIndex = -1;
  map.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
    const from = [...squares].indexOf(event.target);
    const next = squares[target(event, squares, from)];
    event.preventDefault();
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}
