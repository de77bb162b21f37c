const day = new Date(Date.UTC(2024, 1, 27));
for (let i = 0; i < 4; i++) {
  console.log(day.toISOString().slice(0, 10), day.getUTCDay());
  day.setUTCDate(day.getUTCDate() + 1);
}
console.log((Date.UTC(2025, 0, 1) - Date.UTC(2024, 0, 1)) / 86400000);
console.log(new Date("2023-12-31T23:59:30Z").getTime(), new Date(0).toUTCString());
console.log(JSON.stringify({ at: new Date(1e12) }), new Date("nonsense").getTime(), String(new Date(NaN)));
console.log(new Date(2024, 0, 31, 12).getTimezoneOffset(), new Date(2024, 1, 30).getDate());
console.log(new Date(0).toString());
