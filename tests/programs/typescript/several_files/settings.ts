export const radius = 1.5;
