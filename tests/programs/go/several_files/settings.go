package main

const radius = 1.5
