// What nearly every program uses, as the types of Node.js have it.
declare const console: {
    assert(value: any, message?: string, ...given: any[]): void;
    clear(): void;
    count(label?: string): void;
    countReset(label?: string): void;
    debug(message?: any, ...given: any[]): void;
    dir(value: any, options?: { showHidden?: boolean; depth?: number | null; colors?: boolean }): void;
    dirxml(...given: any[]): void;
    error(message?: any, ...given: any[]): void;
    group(...label: any[]): void;
    groupCollapsed(...label: any[]): void;
    groupEnd(): void;
    info(message?: any, ...given: any[]): void;
    log(message?: any, ...given: any[]): void;
    table(data: any, properties?: ReadonlyArray<string>): void;
    time(label?: string): void;
    timeEnd(label?: string): void;
    timeLog(label?: string, ...given: any[]): void;
    trace(message?: any, ...given: any[]): void;
    warn(message?: any, ...given: any[]): void;
};
declare namespace NodeJS {
    class Timeout { hasRef(): boolean; ref(): this; refresh(): this; unref(): this; [Symbol.toPrimitive](): number; }
    class Immediate { hasRef(): boolean; ref(): this; unref(): this; }
}
declare function setTimeout<A extends any[]>(callback: (...given: A) => void, ms?: number, ...given: A): NodeJS.Timeout;
declare function setTimeout(callback: (given: void) => void, ms?: number): NodeJS.Timeout;
declare function setInterval<A extends any[]>(callback: (...given: A) => void, ms?: number, ...given: A): NodeJS.Timeout;
declare function setInterval(callback: (given: void) => void, ms?: number): NodeJS.Timeout;
declare function setImmediate<A extends any[]>(callback: (...given: A) => void, ...given: A): NodeJS.Immediate;
declare function setImmediate(callback: (given: void) => void): NodeJS.Immediate;
declare function clearTimeout(timer: NodeJS.Timeout | string | number | undefined): void;
declare function clearInterval(timer: NodeJS.Timeout | string | number | undefined): void;
declare function clearImmediate(immediate: NodeJS.Immediate | undefined): void;
declare function queueMicrotask(callback: () => void): void;
declare function structuredClone<T>(value: T, options?: { transfer?: ReadonlyArray<any> }): T;
