import heapq
import sys


def main():
    lines = iter(sys.stdin.read().split("\n"))
    nodes, edges = map(int, next(lines).split())
    graph = {node: [] for node in range(1, nodes + 1)}
    for _ in range(edges):
        a, b, cost = map(int, next(lines).split())
        graph[a].append((b, cost))
        graph[b].append((a, cost))
    distance, before, heap = {1: 0}, {}, [(0, 1)]
    while heap:
        far, node = heapq.heappop(heap)
        if far > distance[node]:
            continue
        for other, cost in graph[node]:
            if far + cost < distance.get(other, float("inf")):
                distance[other] = far + cost
                before[other] = node
                heapq.heappush(heap, (far + cost, other))
    for node in graph:
        route = [node]
        while route[-1] in before:
            route.append(before[route[-1]])
        print(node, distance.get(node, "unreachable"), "->".join(map(str, route[::-1])))


main()
