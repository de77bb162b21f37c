const day: Date = new Date(Date.UTC(2024, 1, 27));
for (let i = 0; i < 4; i++) {
  console.log(day.toISOString().slice(0, 10), day.getUTCDay());
  day.setUTCDate(day.getUTCDate() + 1);
}
console.log((Date.UTC(2025, 0, 1) - Date.UTC(2024, 0, 1)) / 86_400_000, new Date(0).toUTCString());
const noon: Date = new Date("2024-07-01T12:00:00Z");
for (const timeZone of ["Europe/Paris", "Asia/Kolkata"]) {
  console.log(timeZone, noon.toLocaleTimeString("en-GB", { timeZone }));
}
console.log(noon.getHours(), noon.getTimezoneOffset(), Number.isNaN(new Date("x").getTime()));
