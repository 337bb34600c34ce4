// Saves the map of a journey as PNG, drawn by the browser from the SVG of the service, and opens the print dialogue.

const SCALE = 2;

/** Draws the picture at an address into a PNG. Throws when it cannot be loaded or drawn. */
async function png(address: string): Promise<Blob> {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth * SCALE;
  canvas.height = image.naturalHeight * SCALE;
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => {
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("the browser draws no PNG of this size"))), "image/png");
  });
}

/** Hands a file to the person. */
function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-picture]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      save(await png(button.dataset.picture ?? ""), button.dataset.file ?? "journey.png");
    } finally {
      button.disabled = false;
    }
  });
}

for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
