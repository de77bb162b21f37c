await new Promise<void>((done) => { setTimeout(done, 1); });
export const load = async (names: string[]): Promise<string[]> => names.map((name) => name.toUpperCase());
