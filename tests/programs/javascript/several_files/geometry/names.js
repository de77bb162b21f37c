module.exports = (shape) => shape.constructor.name.padStart(8) + ": " + shape.area.toFixed(2);
